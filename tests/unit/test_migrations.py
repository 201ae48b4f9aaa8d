"""The database's history: from nothing to now, from any point to now with rows in it, and never twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlite_utils import Database
from sqlite_utils.cli import cli

from generation.database import open_sqlite
from migrations import SETS, apply_all, pending

SCHEMA = Path(__file__).with_name("schema.sql")
FILES = ("generation", "quota", "moderation")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = open_sqlite(tmp_path / "tessera.db")
    yield db
    db.close()


def schema(db: Database) -> str:
    rows = db.execute(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_sqlite%' ESCAPE '\\' ORDER BY name"
    )
    return "\n".join("\n".join(line.strip() for line in sql.splitlines() if line.strip()) for (sql,) in rows) + "\n"


def test_nothing_becomes_the_schema_that_is_written_down(db: Database) -> None:
    """After a new migration: write what this prints into tests/unit/schema.sql, and look at the difference."""
    applied = apply_all(db)

    assert len(applied) == sum(len(each.applied(db)) for each in SETS)
    assert schema(db) == SCHEMA.read_text(encoding="utf-8")
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_second_time_changes_nothing(db: Database) -> None:
    apply_all(db)
    before = schema(db)

    assert pending(db) == []
    assert apply_all(db) == []
    assert schema(db) == before


@pytest.mark.parametrize("file", FILES)
def test_an_operator_can_apply_one_file_alone(tmp_path: Path, file: str) -> None:
    path = Path(__file__).parents[2] / "migrations" / f"{file}.py"
    result = CliRunner().invoke(cli, ["migrate", str(tmp_path / "one.db"), str(path)])

    assert result.exit_code == 0, result.output


def test_rows_written_before_a_migration_are_there_after_it(db: Database) -> None:
    generation = SETS[0]
    generation.apply(db, stop_before="m003_outbox")
    db.execute(
        """INSERT INTO requests (id, account, workspace, platform, model, pool, images, request, state, score,
                                 created_at, changed_at)
           VALUES ('a', 'x', 'y', 'discord', 'starter', 'gpu', 1, '{}', 'queued', 1, 1, 1)"""
    )

    apply_all(db)

    assert db.execute("SELECT id, state FROM requests").fetchall() == [("a", "queued")]
