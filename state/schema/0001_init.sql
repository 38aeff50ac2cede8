-- One schema for SQLite and PostgreSQL. Times are microseconds since 1970 in
-- UTC, 0 meaning never; JSON is kept as TEXT; identifiers are made in Go.

-- +goose Up

-- A named family of bundles. Its revision is another with every write of it or
-- of one of its versions; see the view stamp.
CREATE TABLE template (
	kind        TEXT   NOT NULL,
	name        TEXT   NOT NULL,
	doc         TEXT   NOT NULL,
	revision    BIGINT NOT NULL,
	created_at  BIGINT NOT NULL,
	modified_at BIGINT NOT NULL,
	PRIMARY KEY (kind, name)
);

-- One registered bundle of a template. Numbers are never reused once a
-- version has left REGISTRATION_FAILED.
CREATE TABLE template_version (
	kind        TEXT   NOT NULL,
	name        TEXT   NOT NULL,
	major       BIGINT NOT NULL,
	minor       BIGINT NOT NULL,
	status      TEXT   NOT NULL,
	message     TEXT   NOT NULL,
	bundle      TEXT   NOT NULL,
	tree        TEXT   NOT NULL,
	doc         TEXT   NOT NULL,
	created_at  BIGINT NOT NULL,
	modified_at BIGINT NOT NULL,
	PRIMARY KEY (kind, name, major, minor)
);

-- Content by its SHA-256: bundles, rendered parts, component files.
CREATE TABLE blob (
	digest     TEXT   NOT NULL PRIMARY KEY,
	data       BYTEA  NOT NULL,
	created_at BIGINT NOT NULL
);

-- A service groups instances and a pipeline; it is not deployed itself.
CREATE TABLE service (
	name        TEXT   NOT NULL PRIMARY KEY,
	template    TEXT   NOT NULL,
	status      TEXT   NOT NULL,
	message     TEXT   NOT NULL,
	owner_repo  TEXT   NOT NULL,
	owner_path  TEXT   NOT NULL,
	doc         TEXT   NOT NULL,
	created_at  BIGINT NOT NULL,
	modified_at BIGINT NOT NULL
);

-- Anything that can be deployed. The columns are what queries select on, or
-- what lists show; everything else of the target is in desired and deployed.
-- The revision is another with every write; see the view stamp. From shown to
-- succeeded_at stands what lists tell people of it; see Target.Shown.
CREATE TABLE target (
	ref            TEXT    NOT NULL PRIMARY KEY,
	kind           TEXT    NOT NULL,
	service        TEXT    NOT NULL,
	name           TEXT    NOT NULL,
	environment    TEXT    NOT NULL,
	template       TEXT    NOT NULL,
	major          BIGINT  NOT NULL,
	generation     BIGINT  NOT NULL,
	desired        TEXT    NOT NULL,
	deployed       TEXT    NOT NULL,
	status         TEXT    NOT NULL,
	message        TEXT    NOT NULL,
	waiting        TEXT    NOT NULL,
	owner_repo     TEXT    NOT NULL,
	owner_path     TEXT    NOT NULL,
	last_attempted TEXT    NOT NULL,
	last_succeeded TEXT    NOT NULL,
	asked          TEXT    NOT NULL,
	observed       TEXT    NOT NULL,
	revision       BIGINT  NOT NULL,
	settled        BOOLEAN NOT NULL,
	shown          TEXT    NOT NULL,
	shown_why      TEXT    NOT NULL,
	shown_major    BIGINT  NOT NULL,
	shown_minor    BIGINT  NOT NULL,
	attempted_at   BIGINT  NOT NULL,
	succeeded_at   BIGINT  NOT NULL,
	created_at     BIGINT  NOT NULL,
	modified_at    BIGINT  NOT NULL
);
-- All that lists are ordered and filtered by, so that no row is read for those
-- that do not come into the page.
CREATE INDEX target_listed ON target (kind, service, name, environment, template, shown, shown_major, shown_minor, attempted_at, created_at, ref);
CREATE INDEX target_of_kind ON target (kind, ref);
CREATE INDEX target_by_template ON target (template, kind, major);
CREATE INDEX target_by_owner ON target (owner_repo, owner_path);
CREATE INDEX target_by_status ON target (status, kind);
CREATE INDEX target_unsettled ON target (settled, service);

-- What a target waits for and reads outputs of: as it is wanted, and as it was
-- deployed last, which keeps what it still uses from being taken away.
CREATE TABLE need (
	ref    TEXT    NOT NULL,
	needs  TEXT    NOT NULL,
	wanted BOOLEAN NOT NULL,
	used   BOOLEAN NOT NULL,
	PRIMARY KEY (ref, needs)
);
CREATE INDEX need_by_parent ON need (needs, ref);

-- One attempt to bring a target to a generation.
CREATE TABLE deployment (
	id           TEXT   NOT NULL PRIMARY KEY,
	ref          TEXT   NOT NULL,
	environment  TEXT   NOT NULL,
	service      TEXT   NOT NULL,
	instance     TEXT   NOT NULL,
	action       TEXT   NOT NULL,
	status       TEXT   NOT NULL,
	generation   BIGINT NOT NULL,
	input        TEXT   NOT NULL,
	output       TEXT   NOT NULL,
	handle       TEXT   NOT NULL,
	message      TEXT   NOT NULL,
	outputs      TEXT   NOT NULL,
	engine       TEXT   NOT NULL,
	account      TEXT   NOT NULL,
	doc          TEXT   NOT NULL,
	unasked      BOOLEAN NOT NULL,
	removals     BIGINT NOT NULL,
	checking     BOOLEAN NOT NULL,
	created_at   BIGINT NOT NULL,
	modified_at  BIGINT NOT NULL,
	completed_at BIGINT NOT NULL
);
CREATE INDEX deployment_by_ref ON deployment (ref, created_at, id);
CREATE INDEX deployment_by_time ON deployment (created_at, id);
CREATE INDEX deployment_by_environment ON deployment (environment, created_at, id);
CREATE INDEX deployment_by_service ON deployment (service, created_at, id);
CREATE UNIQUE INDEX deployment_open ON deployment (ref) WHERE completed_at = 0;

-- The output of a deployment, in chunks keyed by the byte they begin at, so
-- that writing a chunk twice changes nothing.
CREATE TABLE log (
	deployment TEXT   NOT NULL,
	begins     BIGINT NOT NULL,
	ends       BIGINT NOT NULL,
	written_at BIGINT NOT NULL,
	data       BYTEA  NOT NULL,
	PRIMARY KEY (deployment, begins)
);

-- Rows that transactions lock to run one after another; see Tx.Gate.
CREATE TABLE gate (
	name   TEXT   NOT NULL PRIMARY KEY,
	passes BIGINT NOT NULL
);

-- Who did what, written with the change it tells of.
CREATE TABLE audit (
	id     TEXT   NOT NULL PRIMARY KEY,
	at     BIGINT NOT NULL,
	actor  TEXT   NOT NULL,
	verb   TEXT   NOT NULL,
	ref    TEXT   NOT NULL,
	detail TEXT   NOT NULL
);
CREATE INDEX audit_by_ref ON audit (ref, id);

-- What is to be looked at, and by whom. One lasting row for each target and
-- each repository; see Store.Claim. Where rest is not 0, the last look found
-- nothing to do, and will until rest_until as long as the stamp is the same;
-- see Store.Rest.
CREATE TABLE work (
	key      TEXT    NOT NULL PRIMARY KEY,
	due_at   BIGINT  NOT NULL,
	gen      BIGINT  NOT NULL,
	run_gen  BIGINT  NOT NULL,
	owner    TEXT    NOT NULL,
	running  BOOLEAN NOT NULL,
	epoch    BIGINT  NOT NULL,
	failures BIGINT  NOT NULL,
	rest       BIGINT NOT NULL,
	rest_until BIGINT NOT NULL
);
CREATE INDEX work_due ON work (running, due_at);
CREATE INDEX work_owner ON work (owner);
CREATE INDEX work_rest ON work (running, due_at) WHERE rest <> 0;

-- One number for all that the decision about a target is made from: the target
-- itself, what it needs, its template with all versions, and of a pipeline the
-- instances beside it. It is the sum of their revisions, which are large random
-- numbers, so that no two states of the world have the same one. There is none
-- for a component: its decision reads more than that.
CREATE VIEW stamp AS
SELECT t.ref AS ref, CAST(t.revision
	+ (SELECT m.revision FROM template AS m
		WHERE m.kind = CASE t.kind WHEN 'environment' THEN 'environment' ELSE 'service' END AND m.name = t.template)
	+ COALESCE((SELECT SUM(COALESCE(p.revision, 1)) FROM need AS n LEFT JOIN target AS p ON p.ref = n.needs
		WHERE n.ref = t.ref AND n.wanted = TRUE), 0)
	+ CASE t.kind WHEN 'pipeline' THEN COALESCE((SELECT SUM(s.revision) FROM target AS s
		WHERE s.kind = 'service-instance' AND s.service = t.service), 0) ELSE 0 END AS BIGINT) AS stamp
FROM target AS t WHERE t.kind IN ('environment', 'service-instance', 'pipeline');

-- What stops the service sync of an instance, or with no instance of a whole
-- service: a change that was made by another way than Git.
CREATE TABLE blocker (
	id          TEXT   NOT NULL PRIMARY KEY,
	service     TEXT   NOT NULL,
	instance    TEXT   NOT NULL,
	status      TEXT   NOT NULL,
	doc         TEXT   NOT NULL,
	created_at  BIGINT NOT NULL,
	resolved_at BIGINT NOT NULL
);
CREATE INDEX blocker_by_service ON blocker (service, instance, id);

-- A change of what a repository declares that waits for somebody to merge it, or
-- did. Of one ref at most one is open. doc is for the one who makes them, but for
-- what people are told.
CREATE TABLE pull_request (
	id         TEXT   NOT NULL PRIMARY KEY,
	repo       TEXT   NOT NULL,
	ref        TEXT   NOT NULL,
	status     TEXT   NOT NULL,
	doc        TEXT   NOT NULL,
	created_at BIGINT NOT NULL,
	closed_at  BIGINT NOT NULL
);
CREATE INDEX pull_request_by_repo ON pull_request (repo, closed_at);
CREATE INDEX pull_request_by_ref ON pull_request (ref, id);
CREATE UNIQUE INDEX pull_request_open ON pull_request (ref) WHERE closed_at = 0;

-- The times that a sync took something over, or could not: an instance, the
-- major of a template, or all that a repository is read for.
CREATE TABLE sync_attempt (
	id         TEXT   NOT NULL PRIMARY KEY,
	subject    TEXT   NOT NULL,
	status     TEXT   NOT NULL,
	doc        TEXT   NOT NULL,
	started_at BIGINT NOT NULL
);
CREATE INDEX sync_attempt_by_subject ON sync_attempt (subject, id);

-- The daemons that share this database.
CREATE TABLE replica (
	id          TEXT   NOT NULL PRIMARY KEY,
	number      BIGINT NOT NULL,
	host        TEXT   NOT NULL,
	lease_until BIGINT NOT NULL,
	started_at  BIGINT NOT NULL
);

-- Where a repository stands: what was seen, what was taken over.
CREATE TABLE repository (
	name        TEXT   NOT NULL PRIMARY KEY,
	doc         TEXT   NOT NULL,
	modified_at BIGINT NOT NULL
);

-- What each file of a repository declares, by the hash of its content.
CREATE TABLE source_file (
	repo    TEXT NOT NULL,
	path    TEXT NOT NULL,
	hash    TEXT NOT NULL,
	verdict TEXT NOT NULL,
	doc     TEXT NOT NULL,
	PRIMARY KEY (repo, path)
);

-- Small things that are kept by name: what the Proton API lets people configure
-- and Baryon has no other noun for, keys that were issued, secrets of the
-- daemons themselves. doc is JSON.
CREATE TABLE record (
	kind        TEXT   NOT NULL,
	key         TEXT   NOT NULL,
	doc         TEXT   NOT NULL,
	created_at  BIGINT NOT NULL,
	modified_at BIGINT NOT NULL,
	PRIMARY KEY (kind, key)
);

-- That something changed its status, in the words and shape of AWS Proton's
-- events. at rises with each event of one ref: it is their order.
CREATE TABLE event (
	id  TEXT   NOT NULL PRIMARY KEY,
	ref TEXT   NOT NULL,
	at  BIGINT NOT NULL,
	doc TEXT   NOT NULL
);
CREATE INDEX event_by_ref ON event (ref, at);
CREATE INDEX event_by_time ON event (at);

-- An event that a destination has not taken yet.
CREATE TABLE delivery (
	destination TEXT   NOT NULL,
	event       TEXT   NOT NULL,
	ref         TEXT   NOT NULL,
	at          BIGINT NOT NULL,
	due_at      BIGINT NOT NULL,
	attempts    BIGINT NOT NULL,
	error       TEXT   NOT NULL,
	PRIMARY KEY (destination, event)
);
CREATE INDEX delivery_due ON delivery (destination, due_at);
CREATE INDEX delivery_by_ref ON delivery (destination, ref, at);
CREATE INDEX delivery_by_event ON delivery (event);
