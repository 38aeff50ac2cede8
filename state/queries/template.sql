-- name: PutTemplate :exec
INSERT INTO template (kind, name, doc, revision, created_at, modified_at)
VALUES (@kind, @name, @doc, @revision, @now, @now)
ON CONFLICT (kind, name) DO UPDATE SET doc = excluded.doc, revision = excluded.revision, modified_at = excluded.modified_at;

-- A version of a template is written or forgotten: what rests upon the template
-- is looked at again.
-- name: ReviseTemplate :exec
UPDATE template SET revision = @revision WHERE kind = @kind AND name = @name;

-- name: Template :one
SELECT * FROM template WHERE kind = @kind AND name = @name;

-- name: Templates :many
SELECT * FROM template WHERE kind = @kind ORDER BY name;

-- name: DeleteTemplate :execrows
DELETE FROM template WHERE kind = @kind AND name = @name;

-- name: PutTemplateVersion :exec
INSERT INTO template_version (kind, name, major, minor, status, message, bundle, tree, doc, created_at, modified_at)
VALUES (@kind, @name, @major, @minor, @status, @message, @bundle, @tree, @doc, @now, @now)
ON CONFLICT (kind, name, major, minor) DO UPDATE SET
	status = excluded.status, message = excluded.message, bundle = excluded.bundle,
	tree = excluded.tree, doc = excluded.doc, modified_at = excluded.modified_at;

-- name: TemplateVersion :one
SELECT * FROM template_version WHERE kind = @kind AND name = @name AND major = @major AND minor = @minor;

-- name: TemplateVersionForUpdate :one
SELECT * FROM template_version WHERE kind = @kind AND name = @name AND major = @major AND minor = @minor FOR UPDATE;

-- name: TemplateVersions :many
SELECT * FROM template_version WHERE kind = @kind AND name = @name ORDER BY major, minor;

-- The newest version of a major, whatever came of it.
-- name: LatestTemplateVersion :one
SELECT * FROM template_version
WHERE kind = @kind AND name = @name AND major = @major
ORDER BY minor DESC LIMIT 1;

-- The recommended minor of a major: the highest that is published.
-- name: RecommendedMinor :one
SELECT minor FROM template_version
WHERE kind = @kind AND name = @name AND major = @major AND status = 'PUBLISHED'
ORDER BY minor DESC LIMIT 1;

-- name: RecommendedMajor :one
SELECT major FROM template_version
WHERE kind = @kind AND name = @name AND status = 'PUBLISHED'
ORDER BY major DESC LIMIT 1;

-- name: DeleteTemplateVersion :execrows
DELETE FROM template_version WHERE kind = @kind AND name = @name AND major = @major AND minor = @minor;
