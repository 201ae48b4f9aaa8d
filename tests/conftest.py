"""Fixtures for all tests: a folder, a clean environment, a migrated SQLite file, a real redis-server, a clock."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from generation.database import Database, open_sqlite
from migrations import apply_all


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the operator's own configuration or tokens."""
    secrets = ("DISCORD_TOKEN", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "OPENAI_API_KEY")
    for name in list(os.environ):
        if name.startswith(("TESSERA_", "OPENAI_")) or name.removesuffix("_FILE") in secrets:
            if name == "TESSERA_SPECS":
                continue
            monkeypatch.delenv(name)


@dataclass
class Clock:
    """A clock that tests set: milliseconds since the epoch."""

    now: int = 1_795_000_000_000

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database_path(tmp_path: Path) -> Path:
    """A migrated SQLite file of its own."""
    path = tmp_path / "tessera.db"
    db = open_sqlite(path)
    apply_all(db)
    db.close()
    return path


@pytest.fixture
async def database(database_path: Path) -> AsyncIterator[Database]:
    """The same file opened for asyncio code."""
    database = Database(database_path)
    yield database
    database.close()


class RedisServer:
    """A real redis-server on a Unix socket, which tests may kill and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.socket = folder, folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        beside = Path(sys.executable).with_name("redis-server")
        binary = str(beside) if beside.exists() else shutil.which("redis-server")
        assert binary, "no redis-server: run make test, which installs one"
        command = [binary, "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([*command, "--dir", str(self.folder)], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self.socket.exists():
            assert time.monotonic() < deadline, "redis-server did not come up"
            time.sleep(0.01)

    def freeze(self) -> None:
        """Let it stand still: connections stay open, and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def _shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    # The default base folder is too deep for a socket's path on some machines.
    server = RedisServer(tmp_path_factory.mktemp("r"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def redis_url(_shared_redis: RedisServer) -> str:
    """A real redis-server, emptied for this test."""
    flush = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("redis-cli")), "-s", str(_shared_redis.socket), "FLUSHALL"),
        stdout=subprocess.DEVNULL,
    )
    assert await flush.wait() == 0
    return _shared_redis.url


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A redis-server of this test alone, to kill and start as it likes."""
    server = RedisServer(tmp_path_factory.mktemp("own"))
    server.start()
    yield server
    server.kill()
