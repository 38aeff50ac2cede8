-- name: AddAudit :exec
INSERT INTO audit (id, at, actor, verb, ref, detail) VALUES (@id, @at, @actor, @verb, @ref, @detail);

-- name: Audit :many
SELECT * FROM audit WHERE (CAST(@ref AS TEXT) = '' OR ref = @ref) AND (CAST(@before AS TEXT) = '' OR id < @before) ORDER BY id DESC LIMIT @most;
