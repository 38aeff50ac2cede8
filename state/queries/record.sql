-- name: PutRecord :exec
INSERT INTO record (kind, key, doc, created_at, modified_at) VALUES (@kind, @key, @doc, @now, @now)
ON CONFLICT (kind, key) DO UPDATE SET doc = excluded.doc, modified_at = excluded.modified_at;

-- Whoever comes first decides; the others read what is there.
-- name: AddRecord :execrows
INSERT INTO record (kind, key, doc, created_at, modified_at) VALUES (@kind, @key, @doc, @now, @now)
ON CONFLICT (kind, key) DO NOTHING;

-- name: Record :one
SELECT * FROM record WHERE kind = @kind AND key = @key;

-- name: RecordForUpdate :one
SELECT * FROM record WHERE kind = @kind AND key = @key FOR UPDATE;

-- name: Records :many
SELECT * FROM record WHERE kind = @kind AND key > @after ORDER BY key LIMIT @most;

-- name: DeleteRecord :execrows
DELETE FROM record WHERE kind = @kind AND key = @key;
