"""Keyword rules, sanctions, cases and the audit log. Append-only; imports sqlite_utils alone."""

from sqlite_utils import Database, Migrations

migrations = Migrations("tessera.moderation")


@migrations()
def m001_filter_rules(db: Database) -> None:
    """A workspace's keywords, as written; `folded` is how two of them are told to be the same."""
    db.execute(
        """
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
        """
    )


@migrations()
def m002_filter_versions(db: Database) -> None:
    """A fresh random version whenever a workspace's rules change, by whatever hand, so a cache knows it is stale.

    Random, not counted: a change that was rolled back must not share its version with the next one that was not.
    """
    db.execute("CREATE TABLE filter_versions (workspace TEXT PRIMARY KEY, version TEXT NOT NULL) STRICT")
    for verb, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        db.execute(
            f"""
            CREATE TRIGGER filter_rules_version_{verb.lower()} AFTER {verb} ON filter_rules
            BEGIN
                INSERT INTO filter_versions (workspace, version) VALUES ({row}.workspace, hex(randomblob(8)))
                ON CONFLICT (workspace) DO UPDATE SET version = excluded.version;
            END
            """  # noqa: S608 - the words put in are the three pairs above
        )


@migrations()
def m003_cases(db: Database) -> None:
    """What a member was told a case number for. The prompt is kept for a while, for the moderator who looks it up."""
    db.execute(
        """
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
        """
    )
    db.execute("CREATE INDEX cases_by_request ON cases (request_id)")
    db.execute("CREATE INDEX cases_to_purge ON cases (purge_at) WHERE prompt IS NOT NULL")


@migrations()
def m004_sanctions(db: Database) -> None:
    """Timeouts and bans; at most one not lifted a member and workspace."""
    db.execute(
        """
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
        """
    )
    db.execute("CREATE UNIQUE INDEX sanctions_open ON sanctions (workspace, account) WHERE lifted_at IS NULL")


@migrations()
def m005_audit(db: Database) -> None:
    """One row a decision; `verdict` and `detail` are JSON, and neither ever holds a prompt."""
    db.execute(
        """
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
        """
    )
    db.execute("CREATE INDEX audit_by_workspace ON audit (workspace, id)")
    db.execute("CREATE INDEX audit_by_request ON audit (request_id)")
    db.execute("CREATE INDEX audit_by_case ON audit (case_id)")


@migrations()
def m006_audit_is_append_only(db: Database) -> None:
    """What was decided stays written."""
    for verb in ("UPDATE", "DELETE"):
        db.execute(
            f"""
            CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
            """
        )
    # REPLACE deletes without firing a delete trigger unless recursive_triggers is on, so it is stopped at the insert.
    db.execute(
        """
        CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
        WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
        """
    )
