"""The passing lines: true, throttled, never after the last word, and none of them needed for anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC

import pytest
from sqlite_utils import Database as SqliteDatabase

from bot.messenger import Message, Receipt
from bot.progress import Board
from generation import journal
from generation.catalogue import Catalogue, load_entries
from generation.database import Database
from generation.jobs import FrontLine, WorkerInfo, WorkerLine, connect
from generation.ledger import Ledger
from generation.refusals import Accepted
from generation.request import GenerationRequest, Platform
from generation.result import ProgressEvent
from tests.conftest import Clock, RedisServer
from tests.making import MEMBER, NOW, request


class Listener:
    """A real `Messenger` that keeps the lines it was given."""

    progress_interval_s = 0.0

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, int | None]] = []

    async def progress(self, request: GenerationRequest, line: str, percent: int | None) -> None:
        self.lines.append((request.id, line, percent))

    async def deliver(self, request: GenerationRequest, message: Message, receipt: Receipt) -> str:
        raise AssertionError("the board delivers nothing")


class Hall:
    """A board over a real file and a real Redis, and a worker's end of the line."""

    def __init__(self, database: Database, url: str, clock: Clock) -> None:
        self.database, self.listener = database, Listener()
        self.clients = connect(url), connect(url)
        self.worker = WorkerLine(self.clients[1])
        self.board = Board(
            database=database,
            line=FrontLine(self.clients[0]),
            catalogue=Catalogue(load_entries(), ["starter"]),
            messengers={Platform.DISCORD: self.listener},
            now=clock,
        )

    async def accept(self, *ids: str) -> None:
        def insert(db: SqliteDatabase) -> None:
            for place, key in enumerate(ids):
                journal.insert(db, request(key), score=NOW + place)

        await self.database.write(insert)

    async def beat(self) -> None:
        info = WorkerInfo(
            id="w", host="h", pid=1, pools=("gpu",), models=("starter",), device="cpu", version="0", started_at=NOW
        )
        await self.worker.beat(info, 60)

    async def heard(self, words: str) -> None:
        async with asyncio.timeout(10):
            while not any(words in line for _, line, _ in self.listener.lines):
                await asyncio.sleep(0.01)


@pytest.fixture
async def hall(database: Database, own_redis: RedisServer, clock: Clock) -> AsyncIterator[Hall]:
    hall = Hall(database, own_redis.url, clock)
    running = asyncio.ensure_future(hall.board.run())
    yield hall
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    for client in hall.clients:
        await client.aclose()
        await client.connection_pool.disconnect()


async def test_a_place_in_line_and_an_estimate_come_first(hall: Hall) -> None:
    await hall.beat()
    await hall.accept("a", "b", "c")

    await hall.heard("Third in line, about 3 s.")

    assert ("a", "Next in line, about 1 s.", None) in hall.listener.lines


async def test_then_what_the_worker_does(hall: Hall) -> None:
    await hall.beat()
    await hall.accept("a")
    await hall.heard("Next in line")
    for at, stage in enumerate(("loading", "drawing", "checking")):
        event = ProgressEvent(request_id="a", attempt=1, stage=stage, at=NOW + at, done=2, total=5)
        words = {"loading": "Loading Tessera Starter", "drawing": "Drawing, 40 %.", "checking": "Checking it."}[stage]
        async with asyncio.timeout(10):
            while not any(words in line for _, line, _ in hall.listener.lines):
                await hall.worker.progress(event)
                await asyncio.sleep(0.05)

    assert ("a", "Drawing, 40 %.", 40) in hall.listener.lines


async def test_nothing_is_said_after_hush(hall: Hall) -> None:
    await hall.beat()
    await hall.accept("a", "b")
    await hall.heard("Second in line")
    await hall.board.hush("a")
    said = [line for line in hall.listener.lines if line[0] == "a"]

    for done in range(5):
        event = ProgressEvent(request_id="a", attempt=1, stage="drawing", at=NOW + done, done=done, total=5)
        await hall.worker.progress(event)
    await hall.worker.progress(ProgressEvent(request_id="b", attempt=1, stage="drawing", at=NOW, done=4, total=5))
    await hall.heard("Drawing, 80 %.")

    assert [line for line in hall.listener.lines if line[0] == "a"] == said


async def test_without_a_worker_the_line_says_so(hall: Hall) -> None:
    await hall.accept("a")

    await hall.heard("Drawing is paused right now")


async def test_without_redis_the_member_hears_that_it_is_kept(hall: Hall, own_redis: RedisServer) -> None:
    own_redis.kill()
    quota = await hall.database.read(lambda db: Ledger(UTC, 40).status(db, MEMBER, NOW))

    line = await hall.board.first_line(Accepted(request=request(), quota=quota))

    assert line == "In line. Drawing is paused right now; your place is kept."
