-- name: AddDeployment :exec
INSERT INTO deployment (id, ref, environment, service, instance, action, status, generation, input, output, handle, message, outputs, engine, account, doc,
	unasked, removals, checking, created_at, modified_at, completed_at)
VALUES (@id, @ref, @environment, @service, @instance, @action, @status, @generation, @input, @output, @handle, @message, @outputs, @engine, @account, @doc,
	@unasked, @removals, @checking, @now, @now, @completed_at);

-- name: SaveDeployment :execrows
UPDATE deployment SET status = @status, output = @output, handle = @handle, message = @message,
	outputs = @outputs, doc = @doc, checking = @checking, modified_at = @now, completed_at = @completed_at
WHERE id = @id AND completed_at = 0;

-- What is reported from outside is written beside whoever carries the
-- deployment on, so it touches nothing else.
-- name: NoteDeployment :execrows
UPDATE deployment SET doc = @doc, modified_at = @now WHERE id = @id AND completed_at = 0;

-- name: Deployment :one
SELECT * FROM deployment WHERE id = @id;

-- name: DeploymentForUpdate :one
SELECT * FROM deployment WHERE id = @id FOR UPDATE;

-- name: OpenDeployment :one
SELECT * FROM deployment WHERE ref = @ref AND completed_at = 0;

-- name: LastDeployment :one
SELECT * FROM deployment WHERE ref = @ref ORDER BY created_at DESC, id DESC LIMIT 1;

-- A page, newest first; @before is the time and identifier of the last one of the page
-- before. An empty argument does not filter.
-- name: Deployments :many
SELECT * FROM deployment WHERE (created_at, id) < (CAST(@before_time AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY created_at DESC, id DESC LIMIT @most;

-- The same of one target, one service and one environment, each in the order of an index.
-- name: DeploymentsOf :many
SELECT * FROM deployment
WHERE ref = @ref AND (created_at, id) < (CAST(@before_time AS BIGINT), CAST(@before_id AS TEXT))
	AND (CAST(@environment AS TEXT) = '' OR environment = @environment)
	AND (CAST(@service AS TEXT) = '' OR service = @service)
	AND (CAST(@instance AS TEXT) = '' OR instance = @instance)
ORDER BY created_at DESC, id DESC LIMIT @most;

-- name: DeploymentsOfService :many
SELECT * FROM deployment
WHERE service = @service AND (created_at, id) < (CAST(@before_time AS BIGINT), CAST(@before_id AS TEXT))
	AND (CAST(@environment AS TEXT) = '' OR environment = @environment)
	AND (CAST(@instance AS TEXT) = '' OR instance = @instance)
ORDER BY created_at DESC, id DESC LIMIT @most;

-- name: DeploymentsOfEnvironment :many
SELECT * FROM deployment
WHERE environment = @environment AND (created_at, id) < (CAST(@before_time AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY created_at DESC, id DESC LIMIT @most;

-- What the deletion guard counts: the targets whose deletion was begun since a
-- time without a person; another attempt at one of them is not one more.
-- name: CountDeletions :one
SELECT count(DISTINCT ref) FROM deployment
WHERE action = 'delete' AND unasked = TRUE AND created_at >= @since AND ref <> @besides;

-- What took resources or whole targets away since a time, without a person:
-- policies that limit that count it.
-- name: Removals :many
SELECT * FROM deployment
WHERE created_at >= @since AND (removals > 0 OR (action = 'delete' AND unasked = TRUE)) ORDER BY created_at, id;

-- name: DeleteDeployment :execrows
DELETE FROM deployment WHERE id = @id AND completed_at <> 0;

-- What an engine is at work for; what is applied and only has to show that it is
-- healthy takes nobody's place.
-- name: OpenDeployments :many
SELECT engine, account, count(*) AS deployments FROM deployment
WHERE completed_at = 0 AND checking = FALSE GROUP BY engine, account;

-- name: CountChecking :one
SELECT count(*) FROM deployment WHERE completed_at = 0 AND checking = TRUE;

-- Locks the gate until the transaction ends.
-- name: PassGate :exec
INSERT INTO gate (name, passes) VALUES (@name, 1)
ON CONFLICT (name) DO UPDATE SET passes = gate.passes + 1;
