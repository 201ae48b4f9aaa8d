"""Looks at files: the configuration, the home folder, the database, secrets in files, and who else may read them."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from bot.doctor.findings import Finding, blocks, note, ok, problem
from generation.console_log import SECRETS, redact
from generation.database import open_sqlite
from generation.installation import settings_file
from generation.places import Places
from generation.secrets import SecretError, read_secret
from migrations import pending

# Container platforms mount secrets here, readable inside the container alone.
_SECRET_MOUNT = Path("/run/secrets")


def configuration() -> Iterator[Finding]:
    """Which `tessera.toml` is in force, and whether it keeps what it should not."""
    path = settings_file()
    if path is None:
        yield note("Settings", "There is no tessera.toml; defaults and TESSERA_… variables are in force.")
        return
    text = path.read_text(encoding="utf-8")
    yield ok("Settings", f"{path} is in force.")
    if redact(text) != text:
        yield problem(
            "Settings",
            f"{path} holds what looks like a token.",
            "Take it out, give it in the environment instead, and replace it where it was issued.",
        )


def home(places: Places) -> Iterator[Finding]:
    """The one folder: there, ours, and nobody else's to read."""
    folder = places.home
    if not folder.exists():
        yield note("Home", f"{folder} does not exist yet; it is made at the first start.")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield blocks("Home", f"{folder} cannot be written to.", "Change its owner, or name another in TESSERA_HOME.")
        return
    yield ok("Home", f"{folder.absolute()} can be written to.")
    if _others_may_read(folder):
        yield problem("Home", f"Others on this machine can read {folder}.", f"chmod 700 {folder}")


def database(places: Places) -> Iterator[Finding]:
    """The SQLite file: there, whole, migrated, writable."""
    path = places.database
    if not path.exists():
        yield note("Database", "There is none yet; tessera run makes it.", "For tessera bot alone: tessera migrate")
        return
    if _others_may_read(path):
        yield problem("Database", f"Others on this machine can read {path}.", f"chmod 600 {path}")
    try:
        db = open_sqlite(path)
    except sqlite3.Error as error:
        yield blocks("Database", f"{path} cannot be opened: {error}.", "Is it the right file? Restore it from a copy.")
        return
    try:
        said = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            yield blocks("Database", f"{path} is damaged: {said}.", "Restore it from a copy.")
            return
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")
        missing = pending(db)
    except sqlite3.Error as error:
        yield blocks("Database", f"{path} cannot be used: {error}.", "Restore it from a copy, or free what holds it.")
        return
    finally:
        db.close()
    if missing:
        yield problem("Database", f"{path} lacks {len(missing)} migrations.", "tessera migrate")
    else:
        yield ok("Database", f"{path} is whole and up to date.")


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
            yield blocks("Secrets", f"{error}.", f"Correct {name}_FILE, or take it away.")
            continue
        if _others_may_read(path) and _SECRET_MOUNT not in path.parents:
            yield problem("Secrets", f"Others on this machine can read {path}.", f"chmod 600 {path}")


def _others_may_read(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
