CREATE TABLE allowances (
workspace TEXT NOT NULL,
scope TEXT NOT NULL CHECK (scope IN ('server', 'role', 'member')),
subject TEXT NOT NULL,
unit TEXT NOT NULL,
period TEXT NOT NULL,
amount INTEGER NOT NULL CHECK (amount >= 0),
actor TEXT NOT NULL,
at INTEGER NOT NULL,
PRIMARY KEY (workspace, scope, subject, unit, period),
CHECK ((subject = '') = (scope = 'server'))
) STRICT
CREATE TABLE audit (
id INTEGER PRIMARY KEY AUTOINCREMENT,
at INTEGER NOT NULL,
workspace TEXT NOT NULL,
actor TEXT NOT NULL,
action TEXT NOT NULL,
subject TEXT NOT NULL DEFAULT '',
request_id TEXT,
case_id TEXT,
verdict TEXT,
detail TEXT NOT NULL DEFAULT '{}'
) STRICT
CREATE INDEX audit_by_case ON audit (case_id)
CREATE INDEX audit_by_request ON audit (request_id)
CREATE INDEX audit_by_workspace ON audit (workspace, id)
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
CREATE TABLE cases (
id TEXT PRIMARY KEY,
workspace TEXT NOT NULL,
account TEXT NOT NULL,
kind TEXT NOT NULL CHECK (kind IN ('prompt', 'image', 'sanction')),
request_id TEXT,
verdict TEXT,
prompt TEXT,
at INTEGER NOT NULL,
purge_at INTEGER,
CHECK (prompt IS NULL OR purge_at IS NOT NULL)
) STRICT
CREATE INDEX cases_by_request ON cases (request_id)
CREATE INDEX cases_to_purge ON cases (purge_at) WHERE prompt IS NOT NULL
CREATE TABLE deliveries (
request_id TEXT NOT NULL REFERENCES requests (id),
ending TEXT NOT NULL,
attempt INTEGER NOT NULL DEFAULT 0,
not_before INTEGER NOT NULL DEFAULT 0,
marks TEXT NOT NULL DEFAULT '{}',
message_id TEXT,
PRIMARY KEY (request_id, ending)
) STRICT
CREATE TABLE filter_rules (
id INTEGER PRIMARY KEY AUTOINCREMENT,
workspace TEXT NOT NULL,
keyword TEXT NOT NULL,
folded TEXT NOT NULL,
effect TEXT NOT NULL CHECK (effect IN ('allow', 'hold', 'reject')),
actor TEXT NOT NULL,
at INTEGER NOT NULL,
UNIQUE (workspace, folded)
) STRICT
CREATE TRIGGER filter_rules_version_delete AFTER DELETE ON filter_rules
BEGIN
INSERT INTO filter_versions (workspace, version) VALUES (OLD.workspace, hex(randomblob(8)))
ON CONFLICT (workspace) DO UPDATE SET version = excluded.version;
END
CREATE TRIGGER filter_rules_version_insert AFTER INSERT ON filter_rules
BEGIN
INSERT INTO filter_versions (workspace, version) VALUES (NEW.workspace, hex(randomblob(8)))
ON CONFLICT (workspace) DO UPDATE SET version = excluded.version;
END
CREATE TRIGGER filter_rules_version_update AFTER UPDATE ON filter_rules
BEGIN
INSERT INTO filter_versions (workspace, version) VALUES (NEW.workspace, hex(randomblob(8)))
ON CONFLICT (workspace) DO UPDATE SET version = excluded.version;
END
CREATE TABLE filter_versions (workspace TEXT PRIMARY KEY, version TEXT NOT NULL) STRICT
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
ON "_sqlite_migrations" ("migration_set", "name")
CREATE TABLE image_verdicts (
request_id TEXT NOT NULL REFERENCES requests (id),
sha256 TEXT NOT NULL,
action TEXT NOT NULL CHECK (action IN ('allow', 'blur', 'hold', 'reject')),
reasons TEXT NOT NULL,
at INTEGER NOT NULL,
PRIMARY KEY (request_id, sha256)
) STRICT
CREATE TABLE ledger_entries (
id INTEGER PRIMARY KEY AUTOINCREMENT,
request_id TEXT,
scope TEXT NOT NULL DEFAULT 'member',
account TEXT NOT NULL,
bucket TEXT NOT NULL,
unit TEXT NOT NULL,
kind TEXT NOT NULL CHECK (kind IN ('hold', 'settle', 'release', 'grant')),
amount INTEGER NOT NULL CHECK (amount > 0),
ceiling INTEGER,
at INTEGER NOT NULL,
actor TEXT NOT NULL DEFAULT '',
reason TEXT NOT NULL DEFAULT '',
CHECK ((request_id IS NULL) = (kind = 'grant')),
CHECK ((ceiling IS NULL) = (kind <> 'hold'))
) STRICT
CREATE INDEX ledger_entries_by_account ON ledger_entries (account, unit, bucket)
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
CREATE TRIGGER ledger_entries_no_replace BEFORE INSERT ON ledger_entries
WHEN EXISTS (SELECT 1 FROM ledger_entries WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
CREATE UNIQUE INDEX ledger_entries_once
ON ledger_entries (request_id, scope, account, unit, bucket, kind) WHERE request_id IS NOT NULL
CREATE TABLE outbox (
request_id TEXT PRIMARY KEY REFERENCES requests (id),
attempt INTEGER NOT NULL,
not_before INTEGER NOT NULL
) STRICT
CREATE TABLE requests (
id TEXT PRIMARY KEY,
account TEXT NOT NULL,
workspace TEXT NOT NULL,
platform TEXT NOT NULL,
model TEXT NOT NULL,
pool TEXT NOT NULL,
images INTEGER NOT NULL,
request TEXT NOT NULL,
state TEXT NOT NULL CHECK (state IN
('queued', 'telling', 'held', 'delivered', 'withheld', 'failed', 'cancelled')),
ending TEXT CHECK (ending IN ('held', 'delivered', 'withheld', 'failed', 'cancelled')),
attempt INTEGER NOT NULL DEFAULT 1,
score INTEGER NOT NULL,
outcome TEXT,
created_at INTEGER NOT NULL,
changed_at INTEGER NOT NULL,
held_until INTEGER
) STRICT
CREATE INDEX requests_by_account ON requests (account, state)
CREATE INDEX requests_by_state ON requests (state, score)
CREATE TABLE sanctions (
id INTEGER PRIMARY KEY AUTOINCREMENT,
workspace TEXT NOT NULL,
account TEXT NOT NULL,
kind TEXT NOT NULL CHECK (kind IN ('timeout', 'ban')),
until INTEGER,
reason TEXT NOT NULL,
moderator TEXT NOT NULL,
case_id TEXT NOT NULL REFERENCES cases (id),
at INTEGER NOT NULL,
lifted_at INTEGER,
lifted_by TEXT,
CHECK ((until IS NULL) = (kind = 'ban')),
CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
) STRICT
CREATE UNIQUE INDEX sanctions_open ON sanctions (workspace, account) WHERE lifted_at IS NULL
CREATE TABLE speeds (
model TEXT NOT NULL,
width INTEGER NOT NULL,
height INTEGER NOT NULL,
seconds REAL NOT NULL,
samples INTEGER NOT NULL,
PRIMARY KEY (model, width, height)
) STRICT
CREATE TABLE sqlite_sequence(name,seq)
CREATE TABLE timeline (
id INTEGER PRIMARY KEY,
request_id TEXT NOT NULL REFERENCES requests (id),
name TEXT NOT NULL,
at INTEGER NOT NULL,
detail TEXT NOT NULL DEFAULT ''
) STRICT
CREATE INDEX timeline_by_request ON timeline (request_id, at)
