-- What is there of each kind whose number is bounded for callers of the API.
-- name: CountTargetsOfKind :one
SELECT count(*) FROM target WHERE kind = @kind;

-- name: CountServices :one
SELECT count(*) FROM service;

-- name: CountTemplates :one
SELECT count(*) FROM template;

-- name: CountTemplateVersions :one
SELECT count(*) FROM template_version WHERE kind = @kind AND name = @name;

-- name: CountRecords :one
SELECT count(*) FROM record WHERE kind = @kind;
