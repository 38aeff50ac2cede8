-- Wake makes a row due now. While it is being worked on, only the generation
-- counts: the row becomes due again when that work is finished.
-- name: Wake :exec
INSERT INTO work (key, due_at, gen, run_gen, owner, running, epoch, failures)
VALUES (@key, @now, 1, 0, '', FALSE, 0, 0)
ON CONFLICT (key) DO UPDATE SET gen = work.gen + 1,
	due_at = CASE WHEN work.due_at < excluded.due_at THEN work.due_at ELSE excluded.due_at END;

-- name: DropWork :exec
DELETE FROM work WHERE key = @key;

-- The bracket FOR UPDATE SKIP LOCKED is the one thing in which the work
-- queries of the two databases differ; SQLite has a single writer instead.
-- name: Claim :many
UPDATE work SET running = TRUE, owner = @owner, epoch = epoch + 1, run_gen = gen
WHERE key IN (
	SELECT w.key FROM work AS w
	WHERE w.running = FALSE AND w.due_at <= @now AND (w.owner = '' OR w.owner = @owner)
	ORDER BY w.due_at LIMIT @most
	FOR UPDATE SKIP LOCKED)
RETURNING *;

-- Finish gives a row back if it is still ours: due again at once when it was
-- woken meanwhile. A kept row stays with its owner, who is running a process for it.
-- name: Finish :execrows
UPDATE work SET running = FALSE,
	owner = @keep,
	failures = @failures,
	due_at = CASE WHEN gen <> run_gen THEN CAST(@now AS BIGINT) ELSE CAST(@due_at AS BIGINT) END
WHERE key = @key AND epoch = @epoch AND running = TRUE;

-- Holds tells whether a claim is still in force: the fence of every later write.
-- name: Holds :one
SELECT count(*) FROM work WHERE key = @key AND epoch = @epoch AND running = TRUE;

-- name: Release :execrows
UPDATE work SET running = FALSE, owner = '', due_at = CASE WHEN due_at < @now THEN due_at ELSE @now END WHERE owner = @owner;

-- name: ReleaseAll :execrows
UPDATE work SET running = FALSE, owner = '', due_at = CASE WHEN due_at < @now THEN due_at ELSE @now END WHERE owner <> '';

-- name: NextDue :one
SELECT CAST(COALESCE(MIN(due_at), 0) AS BIGINT) FROM work WHERE running = FALSE;

-- name: Work :one
SELECT * FROM work WHERE key = @key;

-- name: PutReplica :exec
INSERT INTO replica (id, number, host, lease_until, started_at) VALUES (@id, @number, @host, @lease_until, @started_at)
ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until;

-- name: Replicas :many
SELECT * FROM replica ORDER BY started_at, id;

-- name: DeleteReplica :exec
DELETE FROM replica WHERE id = @id;
