-- name: AppendLog :exec
INSERT INTO log (deployment, begins, ends, written_at, data) VALUES (@deployment, @begins, @ends, @now, @data)
ON CONFLICT (deployment, begins) DO NOTHING;

-- name: LogSize :one
SELECT CAST(COALESCE(MAX(ends), 0) AS BIGINT) FROM log WHERE deployment = @deployment;

-- name: Log :many
SELECT begins, ends, data FROM log WHERE deployment = @deployment AND ends > @after ORDER BY begins LIMIT @most;

-- name: DeleteLog :exec
DELETE FROM log WHERE deployment = @deployment;
