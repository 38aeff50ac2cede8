-- Wake makes a row due now. While it is being worked on, only the generation
-- counts: the row becomes due again when that work is finished.
-- name: Wake :exec
INSERT INTO work (key, due_at, gen, run_gen, owner, running, epoch, failures, rest, rest_until)
VALUES (@key, @now, 1, 0, '', FALSE, 0, 0, 0, 0)
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
	rest = @rest,
	rest_until = @rest_until,
	due_at = CASE WHEN gen <> run_gen THEN CAST(@now AS BIGINT) ELSE CAST(@due_at AS BIGINT) END
WHERE key = @key AND epoch = @epoch AND running = TRUE;

-- Holds tells whether a claim is still in force: the fence of every later write.
-- name: Holds :one
SELECT count(*) FROM work WHERE key = @key AND epoch = @epoch AND running = TRUE;

-- Stamp is what Rest compares with.
-- name: Stamp :one
SELECT CAST(COALESCE(stamp, 0) AS BIGINT) FROM stamp WHERE ref = @ref;

-- Whether anything that rests is due.
-- name: RestingDue :one
SELECT EXISTS (SELECT 1 FROM work WHERE running = FALSE AND rest <> 0 AND due_at <= @now);

-- HoldResting takes what rests and is due, so that nobody wakes it between this
-- and the comparison, which has to see all that was committed before.
-- name: HoldResting :execrows
UPDATE work SET running = TRUE, owner = @token
WHERE key IN (
	SELECT w.key FROM work AS w
	WHERE w.running = FALSE AND w.rest <> 0 AND w.due_at <= @now
	ORDER BY w.due_at LIMIT @most
	FOR UPDATE SKIP LOCKED);

-- Rest puts off what is as it was.
-- name: Rest :execrows
UPDATE work SET running = FALSE, owner = '', failures = 0,
	due_at = CASE WHEN rest_until < @later THEN rest_until ELSE @later END
WHERE owner = @token AND rest_until > @now
	AND rest = CAST(@settings AS BIGINT) + (SELECT s.stamp FROM stamp AS s WHERE s.ref = work.key);

-- Disturb makes what is not as it was due for a look.
-- name: Disturb :exec
UPDATE work SET running = FALSE, owner = '', rest = 0 WHERE owner = @token;

-- name: WakeAll :exec
UPDATE work SET gen = gen + 1, due_at = CASE WHEN due_at < @now THEN due_at ELSE @now END;

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
