-- A page of all instances in the order of their services and names.
-- name: Instances :many
SELECT t.ref, t.service, t.name, t.environment, t.template, t.shown, t.shown_why, t.shown_major, t.shown_minor,
	t.last_attempted, t.last_succeeded, t.attempted_at, t.succeeded_at, t.created_at
FROM target t
WHERE t.kind = 'service-instance' AND (t.service, t.name) > (@from_service, @from_name)
ORDER BY t.service, t.name LIMIT @most;

-- A page of the instances that pass all filters, by a member of theirs, and where
-- that is the same by service and name. Only an index is read to find the page. A
-- text that is empty does not filter.
-- name: InstancesAscending :many
WITH keyed AS (
	SELECT i.ref, i.service, i.name,
		CASE CAST(@by AS TEXT) WHEN 'name' THEN i.name WHEN 'status' THEN i.shown WHEN 'template' THEN i.template
			WHEN 'environment' THEN i.environment ELSE '' END AS text_key,
		CASE CAST(@by AS TEXT) WHEN 'created' THEN i.created_at WHEN 'attempted' THEN i.attempted_at ELSE 0 END AS time_key
	FROM target i
	WHERE i.kind = 'service-instance' AND i.service >= @service_from AND i.service <= @service_to
		AND (CAST(@name AS TEXT) = '' OR i.name = @name)
		AND (CAST(@environment AS TEXT) = '' OR i.environment = @environment)
		AND (CAST(@template AS TEXT) = '' OR i.template = @template)
		AND (CAST(@status AS TEXT) = '' OR i.shown = @status)
		AND i.attempted_at > @attempted_after AND i.attempted_at < @attempted_before
		AND i.created_at > @created_after AND i.created_at < @created_before
		AND (CAST(@staleness AS TEXT) = '' OR @staleness = CASE
			WHEN EXISTS (SELECT 1 FROM template_version v WHERE v.kind = 'service' AND v.name = i.template
				AND v.status = 'PUBLISHED' AND v.major > i.shown_major) THEN 'BEHIND_MAJOR'
			WHEN EXISTS (SELECT 1 FROM template_version v WHERE v.kind = 'service' AND v.name = i.template
				AND v.status = 'PUBLISHED' AND v.major = i.shown_major AND v.minor > i.shown_minor) THEN 'BEHIND_MINOR'
			ELSE 'UP_TO_DATE' END)
), page AS (
	SELECT ref, text_key, time_key FROM keyed
	WHERE (text_key, time_key, service, name) > (CAST(@from_text AS TEXT), CAST(@from_time AS BIGINT), CAST(@from_service AS TEXT), CAST(@from_name AS TEXT))
	ORDER BY text_key, time_key, service, name LIMIT @most
)
SELECT t.ref, t.service, t.name, t.environment, t.template, t.shown, t.shown_why, t.shown_major, t.shown_minor,
	t.last_attempted, t.last_succeeded, t.attempted_at, t.succeeded_at, t.created_at
FROM page p JOIN target t ON t.ref = p.ref
ORDER BY p.text_key, p.time_key, t.service, t.name;

-- The same, backwards.
-- name: InstancesDescending :many
WITH keyed AS (
	SELECT i.ref, i.service, i.name,
		CASE CAST(@by AS TEXT) WHEN 'name' THEN i.name WHEN 'status' THEN i.shown WHEN 'template' THEN i.template
			WHEN 'environment' THEN i.environment ELSE '' END AS text_key,
		CASE CAST(@by AS TEXT) WHEN 'created' THEN i.created_at WHEN 'attempted' THEN i.attempted_at ELSE 0 END AS time_key
	FROM target i
	WHERE i.kind = 'service-instance' AND i.service >= @service_from AND i.service <= @service_to
		AND (CAST(@name AS TEXT) = '' OR i.name = @name)
		AND (CAST(@environment AS TEXT) = '' OR i.environment = @environment)
		AND (CAST(@template AS TEXT) = '' OR i.template = @template)
		AND (CAST(@status AS TEXT) = '' OR i.shown = @status)
		AND i.attempted_at > @attempted_after AND i.attempted_at < @attempted_before
		AND i.created_at > @created_after AND i.created_at < @created_before
		AND (CAST(@staleness AS TEXT) = '' OR @staleness = CASE
			WHEN EXISTS (SELECT 1 FROM template_version v WHERE v.kind = 'service' AND v.name = i.template
				AND v.status = 'PUBLISHED' AND v.major > i.shown_major) THEN 'BEHIND_MAJOR'
			WHEN EXISTS (SELECT 1 FROM template_version v WHERE v.kind = 'service' AND v.name = i.template
				AND v.status = 'PUBLISHED' AND v.major = i.shown_major AND v.minor > i.shown_minor) THEN 'BEHIND_MINOR'
			ELSE 'UP_TO_DATE' END)
), page AS (
	SELECT ref, text_key, time_key FROM keyed
	WHERE (text_key, time_key, service, name) < (CAST(@from_text AS TEXT), CAST(@from_time AS BIGINT), CAST(@from_service AS TEXT), CAST(@from_name AS TEXT))
	ORDER BY text_key DESC, time_key DESC, service DESC, name DESC LIMIT @most
)
SELECT t.ref, t.service, t.name, t.environment, t.template, t.shown, t.shown_why, t.shown_major, t.shown_minor,
	t.last_attempted, t.last_succeeded, t.attempted_at, t.succeeded_at, t.created_at
FROM page p JOIN target t ON t.ref = p.ref
ORDER BY p.text_key DESC, p.time_key DESC, t.service DESC, t.name DESC;

-- How many targets show alike, of each service.
-- name: TallyTargets :many
SELECT kind, service, template, shown, shown_major, shown_minor, count(*) AS targets
FROM target GROUP BY kind, service, template, shown, shown_major, shown_minor;
