"""Requests, their outbox, timeline, verdicts and delivery. Append-only; imports sqlite_utils alone."""

from sqlite_utils import Database, Migrations

migrations = Migrations("tessera.generation")


@migrations(transactional=False)
def m001_write_ahead_log(db: Database) -> None:
    """Readers and the one writer run side by side; the mode is stored in the file."""
    db.execute("PRAGMA journal_mode = WAL")


@migrations()
def m002_requests(db: Database) -> None:
    """A request from acceptance to its one end."""
    db.execute(
        """
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
        """
    )
    db.execute("CREATE INDEX requests_by_state ON requests (state, score)")
    db.execute("CREATE INDEX requests_by_account ON requests (account, state)")


@migrations()
def m003_outbox(db: Database) -> None:
    """What must still be said to Redis; a row lives until it was said."""
    db.execute(
        """
        CREATE TABLE outbox (
            request_id TEXT PRIMARY KEY REFERENCES requests (id),
            attempt INTEGER NOT NULL,
            not_before INTEGER NOT NULL
        ) STRICT
        """
    )


@migrations()
def m004_timeline(db: Database) -> None:
    """What happened to a request and when; append-only."""
    db.execute(
        """
        CREATE TABLE timeline (
            id INTEGER PRIMARY KEY,
            request_id TEXT NOT NULL REFERENCES requests (id),
            name TEXT NOT NULL,
            at INTEGER NOT NULL,
            detail TEXT NOT NULL DEFAULT ''
        ) STRICT
        """
    )
    db.execute("CREATE INDEX timeline_by_request ON timeline (request_id, at)")


@migrations()
def m005_image_verdicts(db: Database) -> None:
    """The verdict on exactly these bytes; without a passing one nothing is shown."""
    db.execute(
        """
        CREATE TABLE image_verdicts (
            request_id TEXT NOT NULL REFERENCES requests (id),
            sha256 TEXT NOT NULL,
            action TEXT NOT NULL CHECK (action IN ('allow', 'blur', 'hold', 'reject')),
            reasons TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (request_id, sha256)
        ) STRICT
        """
    )


@migrations()
def m006_deliveries(db: Database) -> None:
    """How far telling the member has come, kept so that a repeated attempt is not a second message."""
    db.execute(
        """
        CREATE TABLE deliveries (
            request_id TEXT NOT NULL REFERENCES requests (id),
            ending TEXT NOT NULL,
            attempt INTEGER NOT NULL DEFAULT 0,
            not_before INTEGER NOT NULL DEFAULT 0,
            marks TEXT NOT NULL DEFAULT '{}',
            message_id TEXT,
            PRIMARY KEY (request_id, ending)
        ) STRICT
        """
    )


@migrations()
def m007_speeds(db: Database) -> None:
    """How long a picture of a model and size took lately, for estimates."""
    db.execute(
        """
        CREATE TABLE speeds (
            model TEXT NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            seconds REAL NOT NULL,
            samples INTEGER NOT NULL,
            PRIMARY KEY (model, width, height)
        ) STRICT
        """
    )
