-- name: PutRepository :exec
INSERT INTO repository (name, doc, modified_at) VALUES (@name, @doc, @now)
ON CONFLICT (name) DO UPDATE SET doc = excluded.doc, modified_at = excluded.modified_at;

-- name: Repository :one
SELECT * FROM repository WHERE name = @name;

-- name: RepositoryForUpdate :one
SELECT * FROM repository WHERE name = @name FOR UPDATE;

-- name: Repositories :many
SELECT * FROM repository ORDER BY name;

-- name: PutSourceFile :exec
INSERT INTO source_file (repo, path, hash, verdict, doc) VALUES (@repo, @path, @hash, @verdict, @doc)
ON CONFLICT (repo, path) DO UPDATE SET hash = excluded.hash, verdict = excluded.verdict, doc = excluded.doc;

-- name: SourceFiles :many
SELECT * FROM source_file WHERE (CAST(@repo AS TEXT) = '' OR repo = @repo) ORDER BY repo, path;

-- name: DeleteSourceFile :exec
DELETE FROM source_file WHERE repo = @repo AND path = @path;

-- name: SourceFile :one
SELECT * FROM source_file WHERE repo = @repo AND path = @path;
