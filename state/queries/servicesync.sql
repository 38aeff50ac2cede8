-- name: AddBlocker :exec
INSERT INTO blocker (id, service, instance, status, doc, created_at, resolved_at)
VALUES (@id, @service, @instance, 'ACTIVE', @doc, @now, 0);

-- name: BlockerForUpdate :one
SELECT * FROM blocker WHERE id = @id FOR UPDATE;

-- name: Blocker :one
SELECT * FROM blocker WHERE id = @id;

-- name: ResolveBlocker :execrows
UPDATE blocker SET status = 'RESOLVED', doc = @doc, resolved_at = @now WHERE id = @id AND status = 'ACTIVE';

-- Newest first, of one service or of all, and of one instance or of all and of
-- the service itself.
-- name: Blockers :many
SELECT * FROM blocker
WHERE (CAST(@service AS TEXT) = '' OR service = @service)
	AND (CAST(@instance AS TEXT) = '' OR instance = @instance OR instance = '')
	AND (CAST(@status AS TEXT) = '' OR status = @status)
ORDER BY id DESC LIMIT @most;

-- name: AddSyncAttempt :exec
INSERT INTO sync_attempt (id, subject, status, doc, started_at)
VALUES (@id, @subject, @status, @doc, @now);

-- Newest first.
-- name: SyncAttempts :many
SELECT * FROM sync_attempt
WHERE subject = @subject AND (CAST(@status AS TEXT) = '' OR status = @status)
ORDER BY id DESC LIMIT @most;
