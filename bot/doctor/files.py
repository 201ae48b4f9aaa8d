"""Looks at files: the configuration, the home folder, the database, secrets in files, and who else may read them."""

import contextlib
import os
import sqlite3
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

from bot.doctor.findings import Finding, blocks, note, ok, problem
from bot.settings import Settings
from bot.wording import doctor as said
from generation.console_log import SECRETS, redact
from generation.database import open_sqlite
from generation.installation import settings_file
from generation.places import Places
from generation.secrets import SecretError, read_secret
from generation.settings import WorkerSettings
from migrations import pending

# Container platforms mount secrets here, readable inside the container alone.
_SECRET_MOUNT = Path("/run/secrets")


def configuration() -> Iterator[Finding]:
    """Which `tessera.toml` is in force, and whether it keeps what it should not."""
    path = settings_file()
    if path is None:
        yield note("Settings", said.no_settings_file())
        return
    text = path.read_text(encoding="utf-8")
    yield ok("Settings", said.settings_file(path))
    if unknown := sorted({*tomllib.loads(text)} - {*Settings.model_fields, *WorkerSettings.model_fields}):
        # Front and worker pass over each other's tables, so neither notices one that is nobody's.
        yield problem("Settings", said.unknown_tables(path, [redact(name) for name in unknown]))
    if redact(text) != text:
        yield problem("Settings", said.token_in_settings(path))


def home(places: Places) -> Iterator[Finding]:
    """The one folder: there, ours, and nobody else's to read."""
    folder = places.home
    if not folder.exists():
        yield note("Home", said.no_home(folder))
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield blocks("Home", said.home_closed(folder))
    else:
        yield ok("Home", said.home_good(folder.absolute()))
        if _others_may_read(folder):
            yield problem("Home", said.others_may_read(folder, "700"))


def database(places: Places) -> Iterator[Finding]:
    """The SQLite file: there, whole, migrated, writable."""
    path = places.database
    if not path.exists():
        yield note("Database", said.no_database())
        return
    if _others_may_read(path):
        yield problem("Database", said.others_may_read(path, "600"))
    try:
        with contextlib.closing(open_sqlite(path)) as db:
            damage = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
            missing = pending(db)
    except sqlite3.Error as error:
        yield blocks("Database", said.database_closed(path, error))
        return
    if damage != "ok":
        yield blocks("Database", said.database_damaged(path, damage))
    elif missing:
        yield problem("Database", said.database_old(path, len(missing)))
    else:
        yield ok("Database", said.database_good(path))


def secret_files() -> Iterator[Finding]:
    """Secrets given as files: readable by us and by nobody else."""
    for name in SECRETS:
        named = os.environ.get(f"{name}_FILE", "").strip()
        if not named or os.environ.get(name, "").strip():
            continue
        path = Path(named)
        try:
            read_secret(name)
        except SecretError as error:
            yield blocks("Secrets", said.secret_unreadable(error, name))
            continue
        if _others_may_read(path) and _SECRET_MOUNT not in path.parents:
            yield problem("Secrets", said.others_may_read(path, "600"))


def _others_may_read(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
