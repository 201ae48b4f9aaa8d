"""The quota ledger and the allowances it is measured against. Append-only; imports sqlite_utils alone."""

from sqlite_utils import Database, Migrations

migrations = Migrations("tessera.quota")


@migrations()
def m001_ledger_entries(db: Database) -> None:
    """Every hold, settlement, release and grant, from which every balance is computed.

    `scope` and `account` together name whose balance it is (only members now; channels and workspaces later), `bucket`
    the part of it (`day:2026-11-20` or `grants`), `unit` what is counted. `ceiling` is what the bucket could bear when
    a hold was written, so that an audit years later needs no other table.
    """
    db.execute(
        """
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
        """
    )
    db.execute("CREATE INDEX ledger_entries_by_account ON ledger_entries (account, unit, bucket)")
    # A request holds, settles and releases once in each bucket; doing it twice is impossible, not only forbidden.
    db.execute(
        """
        CREATE UNIQUE INDEX ledger_entries_once
        ON ledger_entries (request_id, scope, account, unit, bucket, kind) WHERE request_id IS NOT NULL
        """
    )


@migrations()
def m002_ledger_is_append_only(db: Database) -> None:
    """Nothing in the ledger changes; a mistake is corrected by another entry."""
    for verb in ("UPDATE", "DELETE"):
        db.execute(
            f"""
            CREATE TRIGGER ledger_entries_no_{verb.lower()} BEFORE {verb} ON ledger_entries
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
            """
        )
    # REPLACE deletes without firing a delete trigger unless recursive_triggers is on, so it is stopped at the insert.
    db.execute(
        """
        CREATE TRIGGER ledger_entries_no_replace BEFORE INSERT ON ledger_entries
        WHEN EXISTS (SELECT 1 FROM ledger_entries WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
        """
    )


@migrations()
def m003_allowances(db: Database) -> None:
    """How much a server, a role or a member may use in a period; who set it and when."""
    db.execute(
        """
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
        """
    )
