"""A real, migrated SQLite file for what moderation stores."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from generation.database import open_sqlite
from migrations import apply_all


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = open_sqlite(tmp_path / "tessera.db")
    apply_all(database)
    yield database
    database.close()
