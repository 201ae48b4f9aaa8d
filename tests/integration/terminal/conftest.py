"""A real front in this process, on a real Redis and SQLite file, with the test as its worker."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.compose import open_front
from bot.front import keep_adapter, keep_running
from bot.settings import Settings, TimingSettings
from bot.supervise import migrate
from generation.artifacts import ArtifactStore, picture_key
from generation.jobs import FrontLine, WorkerLine, connect
from generation.result import Failure, Outcome, OutcomeKind, ProgressEvent
from moderation.verdict import Action
from tests import making


class Front:
    """Starts and stops; `finish`, `fail` and `progress` are what a worker would say."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.socket = settings.places.front_socket
        self._stack = AsyncExitStack()
        self._store = ArtifactStore(settings.store_url)

    async def start(self) -> None:
        front = await self._stack.enter_async_context(open_front(self.settings))
        tasks = [asyncio.create_task(keep_running(name, run)) for name, run in front.loops]
        tasks += [asyncio.create_task(keep_adapter(adapter)) for adapter in front.adapters]

        async def stop() -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._stack.push_async_callback(stop)
        async with asyncio.timeout(10):
            await front.adapters[0].ready.wait()

    async def stop(self) -> None:
        await self._stack.aclose()

    async def progress(self, request_id: str, done: int) -> None:
        event = ProgressEvent(request_id=request_id, attempt=1, stage="drawing", at=making.NOW, done=done, total=8)
        redis = connect(self.settings.line_url)
        await WorkerLine(redis).progress(event)
        await FrontLine(redis).aclose()

    async def finish(
        self, request_id: str, data: bytes = b"exactly these bytes", action: Action = Action.ALLOW
    ) -> None:
        key = picture_key(request_id, 0, hashlib.sha256(data).hexdigest(), "image/png")
        self._store.put(key, data)
        image = making.image(data, action, request_id)
        assert image.key == key
        await self._announce(making.outcome(request_id, images=(image,)))

    async def fail(self, request_id: str, failure: Failure) -> None:
        await self._announce(making.outcome(request_id, kind=OutcomeKind.FAILED, images=(), failure=failure))

    async def _announce(self, outcome: Outcome) -> None:
        self._store.put_outcome(outcome)
        redis = connect(self.settings.line_url)
        await WorkerLine(redis).announce(outcome)
        await FrontLine(redis).aclose()


@pytest.fixture
async def front(tmp_path: Path, redis_url: str) -> AsyncIterator[Front]:
    settings = Settings(home=tmp_path / "home", redis_url=redis_url, timing=TimingSettings(sweep_s=0.2))
    migrate(settings.places.create().database)
    front = Front(settings)
    await front.start()
    yield front
    await front.stop()
