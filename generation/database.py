"""The one SQLite file: opening it right, and one transaction at a time.

Owns connections, pragmas and threads. It must not know any table. Writes run one after another on one thread, each in
`BEGIN IMMEDIATE`, so the statement that decides and the statement that writes see the same state; reads run on a
second thread beside them, each in a snapshot of its own, so that what one statement of it finds the next finds too.
Only the front opens this file for longer; the command line may open it for a moment.

`synchronous = FULL`: an acknowledged commit survives a power cut (sqlite.org/pragma.html, "synchronous"), at about a
millisecond each; the ledger is money-like and the load is a few writes a second.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database as SqliteDatabase

T = TypeVar("T")

_BUSY_TIMEOUT_MS = 10_000


def open_sqlite(path: Path) -> SqliteDatabase:
    """Open the file (making it, readable by its owner alone) with the project's pragmas; no implicit transactions."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    # The connection moves to a worker thread after opening and is used by that one thread alone.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return SqliteDatabase(connection)


def in_transaction(db: SqliteDatabase, work: Callable[[SqliteDatabase], T]) -> T:
    """Run `work` in one `BEGIN IMMEDIATE` transaction: all of it is kept, or none when it raises.

    sqlite-utils' own `atomic()` issues a plain `BEGIN`, which fails under contention when it has read before it writes.
    """
    return _transaction(db, "BEGIN IMMEDIATE", work)


def in_snapshot(db: SqliteDatabase, work: Callable[[SqliteDatabase], T]) -> T:
    """Run `work`, which must not write, on one state of the file, whatever is written beside it meanwhile."""
    return _transaction(db, "BEGIN", work)


def _transaction(db: SqliteDatabase, begin: str, work: Callable[[SqliteDatabase], T]) -> T:
    db.execute(begin)
    try:
        result = work(db)
        db.execute("COMMIT")
    except BaseException:
        # A full disk makes SQLite roll back by itself. A commit that failed has not: left open, it would block the
        # connection for good.
        if db.conn.in_transaction:
            db.execute("ROLLBACK")
        raise
    return result


class Database:
    """The file for asyncio code: functions over a `sqlite_utils.Database`, run on the right thread."""

    def __init__(self, path: Path) -> None:
        """Open two connections to a migrated file; raises sqlite3.Error when it cannot be opened."""
        self._writer, self._reader = open_sqlite(path), open_sqlite(path)
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
        self._read_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-read")

    async def write(self, work: Callable[[SqliteDatabase], T]) -> T:
        """Run `work` in a transaction of its own. Once begun it completes, even if the caller is cancelled."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._write_thread, in_transaction, self._writer, work)

    async def read(self, work: Callable[[SqliteDatabase], T]) -> T:
        """Run `work`, which must not write, on the reading connection, in one snapshot of the file."""
        return await asyncio.get_running_loop().run_in_executor(self._read_thread, in_snapshot, self._reader, work)

    def close(self) -> None:
        """Finish what is under way and close both connections."""
        self._write_thread.shutdown(wait=True)
        self._read_thread.shutdown(wait=True)
        self._writer.close()
        self._reader.close()
