-- name: PutBlob :exec
INSERT INTO blob (digest, data, created_at) VALUES (@digest, @data, @now)
ON CONFLICT (digest) DO NOTHING;

-- name: Blob :one
SELECT data FROM blob WHERE digest = @digest;
