-- name: PutService :exec
INSERT INTO service (name, template, status, message, owner_repo, owner_path, doc, created_at, modified_at)
VALUES (@name, @template, @status, @message, @owner_repo, @owner_path, @doc, @now, @now)
ON CONFLICT (name) DO UPDATE SET
	template = excluded.template, status = excluded.status, message = excluded.message,
	owner_repo = excluded.owner_repo, owner_path = excluded.owner_path,
	doc = excluded.doc, modified_at = excluded.modified_at;

-- name: Service :one
SELECT * FROM service WHERE name = @name;

-- name: ServiceForUpdate :one
SELECT * FROM service WHERE name = @name FOR UPDATE;

-- name: Services :many
SELECT * FROM service WHERE name > @after ORDER BY name LIMIT @most;

-- name: ServicesOfOwner :many
SELECT * FROM service WHERE owner_repo = @repo ORDER BY name;

-- name: DeleteService :execrows
DELETE FROM service WHERE name = @name;
