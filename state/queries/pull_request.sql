-- Of several that are added for one ref at once, all but one are not.
-- name: AddPullRequest :execrows
INSERT INTO pull_request (id, repo, ref, status, doc, created_at, closed_at)
VALUES (@id, @repo, @ref, @status, @doc, @now, 0) ON CONFLICT DO NOTHING;

-- name: PullRequestForUpdate :one
SELECT * FROM pull_request WHERE id = @id FOR UPDATE;

-- name: PullRequest :one
SELECT * FROM pull_request WHERE id = @id;

-- What is closed stays as it is.
-- name: SavePullRequest :execrows
UPDATE pull_request SET status = @status, doc = @doc, closed_at = @closed_at WHERE id = @id AND closed_at = 0;

-- name: DeletePullRequest :execrows
DELETE FROM pull_request WHERE id = @id;

-- The newest of a ref: the open one, if one is open.
-- name: LastPullRequest :one
SELECT * FROM pull_request WHERE ref = @ref ORDER BY id DESC LIMIT 1;

-- name: OpenPullRequests :many
SELECT * FROM pull_request WHERE repo = @repo AND closed_at = 0 ORDER BY id;

-- Newest first, of all repositories; those that are open, or all.
-- name: PullRequests :many
SELECT * FROM pull_request WHERE (@all_of_them = TRUE OR closed_at = 0) ORDER BY id DESC LIMIT @most;
