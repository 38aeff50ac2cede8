-- name: PutTarget :exec
INSERT INTO target (ref, kind, service, name, environment, template, major, generation, desired, deployed,
	status, message, waiting, owner_repo, owner_path, last_attempted, last_succeeded, asked, observed, revision, settled,
	shown, shown_why, shown_major, shown_minor, attempted_at, succeeded_at, created_at, modified_at)
VALUES (@ref, @kind, @service, @name, @environment, @template, @major, @generation, @desired, @deployed,
	@status, @message, @waiting, @owner_repo, @owner_path, @last_attempted, @last_succeeded, @asked, @observed, @revision, @settled,
	@shown, @shown_why, @shown_major, @shown_minor, @attempted_at, @succeeded_at, @now, @now)
ON CONFLICT (ref) DO UPDATE SET
	environment = excluded.environment, template = excluded.template, major = excluded.major,
	generation = excluded.generation, desired = excluded.desired, deployed = excluded.deployed,
	status = excluded.status, message = excluded.message, waiting = excluded.waiting,
	owner_repo = excluded.owner_repo, owner_path = excluded.owner_path,
	last_attempted = excluded.last_attempted, last_succeeded = excluded.last_succeeded,
	asked = excluded.asked, observed = excluded.observed, revision = excluded.revision, settled = excluded.settled,
	shown = excluded.shown, shown_why = excluded.shown_why, shown_major = excluded.shown_major, shown_minor = excluded.shown_minor,
	attempted_at = excluded.attempted_at, succeeded_at = excluded.succeeded_at, modified_at = excluded.modified_at;

-- name: Target :one
SELECT * FROM target WHERE ref = @ref;

-- Locks the row, so that a change made from what was read loses nothing.
-- name: TargetForUpdate :one
SELECT * FROM target WHERE ref = @ref FOR UPDATE;

-- name: DeleteTarget :execrows
DELETE FROM target WHERE ref = @ref;

-- A page of targets in the order of their refs; an empty argument does not filter.
-- name: Targets :many
SELECT * FROM target
WHERE ref > @after
	AND (CAST(@kind AS TEXT) = '' OR kind = @kind)
	AND (CAST(@service AS TEXT) = '' OR service = @service)
	AND (CAST(@environment AS TEXT) = '' OR environment = @environment)
	AND (CAST(@template AS TEXT) = '' OR template = @template)
	AND (CAST(@status AS TEXT) = '' OR status = @status)
ORDER BY ref LIMIT @most;

-- The same for one kind, which an index has in that order.
-- name: TargetsOfKind :many
SELECT * FROM target
WHERE kind = @kind AND ref > @after
	AND (CAST(@environment AS TEXT) = '' OR environment = @environment)
	AND (CAST(@template AS TEXT) = '' OR template = @template)
	AND (CAST(@status AS TEXT) = '' OR status = @status)
	AND (CAST(@major AS BIGINT) = 0 OR shown_major = @major)
ORDER BY ref LIMIT @most;

-- The same for one kind of one service, where the order of names is that of refs
-- and leads to the right index; so does writing ref as an expression.
-- name: TargetsOfKindOfService :many
SELECT * FROM target
WHERE kind = @kind AND service = @service AND ref || '' > @after
	AND (CAST(@environment AS TEXT) = '' OR environment = @environment)
	AND (CAST(@template AS TEXT) = '' OR template = @template)
	AND (CAST(@status AS TEXT) = '' OR status = @status)
ORDER BY service, name LIMIT @most;

-- The services of a part of all that have something which is on its way.
-- name: UnsettledServices :many
SELECT DISTINCT service FROM target WHERE settled = FALSE AND service >= @first AND service <= @last ORDER BY service;

-- name: TargetsOfService :many
SELECT * FROM target WHERE service = @service AND kind IN ('service-instance', 'pipeline') ORDER BY created_at, ref;

-- name: TargetsOfOwner :many
SELECT * FROM target WHERE owner_repo = @repo ORDER BY ref;

-- Targets that a template version concerns: those on its template and major.
-- name: RefsOfTemplate :many
SELECT ref FROM target WHERE template = @template AND kind = @kind AND major = @major ORDER BY ref;

-- name: CountTargets :many
SELECT kind, status, count(*) AS targets FROM target GROUP BY kind, status;

-- name: AddNeed :exec
INSERT INTO need (ref, needs, wanted, used) VALUES (@ref, @needs, TRUE, FALSE)
ON CONFLICT (ref, needs) DO UPDATE SET wanted = TRUE;

-- name: AddUse :exec
INSERT INTO need (ref, needs, wanted, used) VALUES (@ref, @needs, FALSE, TRUE)
ON CONFLICT (ref, needs) DO UPDATE SET used = TRUE;

-- An instance's need of its component is the component's to declare.
-- name: DropNeeds :exec
UPDATE need SET wanted = FALSE WHERE ref = @ref AND (ref NOT LIKE 'service/%' OR needs NOT LIKE 'component/%');

-- name: DropNeed :exec
UPDATE need SET wanted = FALSE WHERE ref = @ref AND needs = @needs;

-- name: Detach :exec
UPDATE need SET wanted = FALSE WHERE needs = @needs;

-- name: SweepDependents :exec
DELETE FROM need WHERE needs = @needs AND wanted = FALSE AND used = FALSE;

-- name: DropUses :exec
UPDATE need SET used = FALSE WHERE ref = @ref;

-- name: SweepNeeds :exec
DELETE FROM need WHERE ref = @ref AND wanted = FALSE AND used = FALSE;

-- name: DeleteNeeds :exec
DELETE FROM need WHERE ref = @ref;

-- name: Needs :many
SELECT needs FROM need WHERE ref = @ref AND wanted = TRUE ORDER BY needs;

-- name: Dependents :many
SELECT ref FROM need WHERE needs = @needs AND wanted = TRUE ORDER BY ref;

-- Those that were deployed with the outputs of something and are not wanted with
-- it any longer.
-- name: FormerDependents :many
SELECT ref FROM need WHERE needs = @needs AND used = TRUE AND wanted = FALSE ORDER BY ref;

-- name: ComponentsOfInstance :many
SELECT needs FROM need WHERE ref = @ref AND needs LIKE 'component/%' ORDER BY needs;
