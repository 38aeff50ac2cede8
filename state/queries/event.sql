-- name: AddEvent :exec
INSERT INTO event (id, ref, at, doc) VALUES (@id, @ref, @at, @doc);

-- The time of the newest event of a ref: the next one comes after it, whatever
-- the clocks of two daemons say.
-- name: LastEventAt :one
SELECT CAST(COALESCE(MAX(at), 0) AS BIGINT) FROM event WHERE ref = @ref;

-- name: AddDelivery :exec
INSERT INTO delivery (destination, event, ref, at, due_at, attempts, error) VALUES (@destination, @event, @ref, @at, @at, 0, '');

-- name: Events :many
SELECT * FROM event
WHERE (CAST(@ref AS TEXT) = '' OR ref = @ref)
	AND (CAST(@before_at AS BIGINT) = 0 OR at < CAST(@before_at AS BIGINT) OR (at = CAST(@before_at AS BIGINT) AND id < @before_id))
ORDER BY at DESC, id DESC LIMIT @most;

-- name: Event :one
SELECT * FROM event WHERE id = @id;

-- Takes what is due of one destination, at most the oldest of each ref, and
-- keeps others from taking it for a while.
-- name: ClaimDeliveries :many
UPDATE delivery SET due_at = @until, attempts = attempts + 1
WHERE delivery.destination = @destination AND delivery.event IN (
	SELECT d.event FROM delivery AS d
	WHERE d.destination = @destination AND d.due_at <= @now
		AND NOT EXISTS (SELECT 1 FROM delivery AS e WHERE e.destination = d.destination AND e.ref = d.ref AND e.at < d.at)
	ORDER BY d.due_at LIMIT @most
	FOR UPDATE SKIP LOCKED)
RETURNING *;

-- name: DeliveredEvent :exec
DELETE FROM delivery WHERE destination = @destination AND event = @event;

-- name: PutOffDelivery :exec
UPDATE delivery SET due_at = @due_at, error = @error WHERE destination = @destination AND event = @event;

-- name: ReleaseDeliveries :exec
UPDATE delivery SET due_at = @now WHERE due_at > @now;

-- name: DestinationsOfDeliveries :many
SELECT DISTINCT destination FROM delivery;

-- name: DropDestination :execrows
DELETE FROM delivery WHERE destination = @destination;

-- name: CountDeliveries :many
SELECT destination, count(*) AS pending, CAST(MIN(at) AS BIGINT) AS oldest FROM delivery GROUP BY destination ORDER BY destination;

-- name: FailedDelivery :one
SELECT * FROM delivery WHERE destination = @destination AND attempts > 0 ORDER BY at LIMIT 1;

-- name: ExpireDeliveries :execrows
DELETE FROM delivery WHERE at < @before;

-- name: ExpireEvents :execrows
DELETE FROM event WHERE at < @before;
