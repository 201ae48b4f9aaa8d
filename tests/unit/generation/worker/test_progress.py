"""What a job tells while it works, over a real Redis."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from generation import jobs
from generation.backends.base import Watch
from generation.jobs import FrontLine, WorkerLine
from generation.result import ProgressEvent
from generation.worker.progress import Speaker
from tests.conftest import Clock, RedisServer
from tests.making_jobs import order


@pytest.fixture
async def heard(front: FrontLine) -> AsyncIterator[list[ProgressEvent]]:
    """Everything that is said, once the ear is open."""
    words: list[ProgressEvent] = []

    async def listen() -> None:
        async for event in front.progress():
            words.append(event)  # noqa: PERF401 - the list is read while it grows

    ear = asyncio.create_task(listen())
    await asyncio.sleep(0.1)
    yield words
    ear.cancel()
    await asyncio.wait({ear})


@pytest.fixture
async def line(redis_url: str) -> AsyncIterator[WorkerLine]:
    redis = jobs.connect(redis_url)
    yield WorkerLine(redis)
    await redis.aclose(close_connection_pool=True)


async def _until(words: list[ProgressEvent], stage: str) -> None:
    async with asyncio.timeout(5):
        while not words or words[-1].stage != stage:
            await asyncio.sleep(0.01)


async def test_first_and_last_step_are_told_and_those_between_now_and_then(
    line: WorkerLine, heard: list[ProgressEvent], clock: Clock
) -> None:
    async with Speaker(line, order("r-1", attempt=2), clock, interval_s=0.05) as speaker:
        watch = Watch(speaker.hear)

        def draw() -> None:
            watch.stage("started")
            watch.stage("loading")
            for step in range(1, 401):
                watch.step(step, 400)

        drawing = threading.Thread(target=draw)
        drawing.start()
        await asyncio.to_thread(drawing.join)
        watch.stage("storing")
    await _until(heard, "storing")

    assert [event.stage for event in heard if not event.total] == ["started", "loading", "storing"]
    steps = [event.done for event in heard if event.total]
    assert steps[0] == 1
    assert steps[-1] == 400
    assert steps == sorted(set(steps))
    assert len(steps) < 100
    assert {(event.request_id, event.attempt, event.at) for event in heard} == {("r-1", 2, clock.now)}


async def test_the_timeline_has_every_step(line: WorkerLine, clock: Clock) -> None:
    async with Speaker(line, order(), clock) as speaker:
        for stage in ("started", "loading", "drawing"):
            speaker.hear(stage, 0, 0)
        for step in (1, 2, 3):
            clock.advance(1)
            speaker.hear("drawing", step, 3)
        speaker.moment("drawn")

    assert [(event.name, event.detail) for event in speaker.timeline] == [
        ("started", ""),
        ("loading", ""),
        ("step", "1 of 3"),
        ("step", "2 of 3"),
        ("step", "3 of 3"),
        ("drawn", ""),
    ]
    assert speaker.timeline[-1].at - speaker.timeline[0].at == 3000


async def test_nobody_listening_disturbs_nobody(own_redis: RedisServer, clock: Clock) -> None:
    redis = jobs.connect(own_redis.url)
    own_redis.kill()

    async with Speaker(WorkerLine(redis), order(), clock) as speaker:
        speaker.hear("drawing", 1, 2)
        await asyncio.sleep(0.05)
    await redis.aclose(close_connection_pool=True)

    assert len(speaker.timeline) == 1
