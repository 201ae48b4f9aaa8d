"""A workshop of real parts: a real Redis, a folder for artifacts, the real openai client and its stand-in."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generation import jobs
from generation.artifacts import ArtifactStore
from generation.backends.registry import BackendOptions, Backends
from generation.jobs import FrontLine, WorkerLine
from generation.worker.job import Workshop
from tests.conftest import Clock
from tests.making_jobs import api_entry
from tests.peers.openai.peer import OpenAIPeer

CLOSED = "It draws stripes and cannot depict anything."


@pytest.fixture
async def peer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenAIPeer]:
    async with OpenAIPeer() as peer:
        monkeypatch.setenv("OPENAI_API_KEY", peer.key)
        monkeypatch.setenv("OPENAI_BASE_URL", peer.base_url)
        yield peer


@pytest.fixture
async def front(redis_url: str) -> AsyncIterator[FrontLine]:
    line = FrontLine(jobs.connect(redis_url))
    yield line
    await line.aclose()


@pytest.fixture
async def workshop(
    peer: OpenAIPeer, redis_url: str, tmp_path: Path, clock: Clock
) -> AsyncIterator[Callable[..., Workshop]]:
    """Makes a workshop; any part can be replaced by name."""
    redis = jobs.connect(redis_url)
    backends = Backends(BackendOptions())
    base = Workshop(
        worker_id="worker-1",
        entries={"closed": api_entry(closed_vocabulary=CLOSED)},
        backends=backends,
        checks=(),
        store=ArtifactStore((tmp_path / "artifacts").as_uri()),
        line=WorkerLine(redis),
        now=clock,
        announce_s=0.3,
    )

    def make(**changes: Any) -> Workshop:
        return replace(base, **changes)

    yield make
    await backends.aclose()
    await redis.aclose(close_connection_pool=True)
