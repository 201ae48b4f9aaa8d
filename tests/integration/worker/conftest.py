"""Real worker processes, a real Redis and the stand-in of OpenAI: `stage` starts, kills and watches them.

Most workers here serve the api pool alone, which starts in a second because it never loads torch. What is tested of
them, leases, drains and Redis coming and going, is the same for every pool.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from generation import jobs
from generation.artifacts import ArtifactStore
from generation.jobs import FrontLine
from generation.request import JobOrder
from generation.result import Outcome
from tests.making_jobs import order
from tests.peers.openai.peer import OpenAIPeer

_CATALOGUE = """
[[model]]
id = "closed"
title = "Closed"
maker = "tests"
backend = "openai"
arguments = { model = "gpt-image-2" }
openness = "api_only"
prompt_goes_to = "the stand-in"
licence = "none"
bot_use = "yes"
sizes = ["64x64"]
closed_vocabulary = "It draws stripes and cannot depict anything."
checked_at = "2026-11-20"

[[model]]
id = "slow"
title = "Slow starter"
maker = "tests"
backend = "diffusers"
arguments = { shipped = "starter" }
openness = "open_source"
licence = "Apache-2.0"
bot_use = "yes"
sizes = ["64x64"]
closed_vocabulary = "It knows twelve subjects in eight places and cannot depict anything else."
checked_at = "2026-11-20"
"""


class Stage:
    """One installation's back half, with the front's end of the line in the test's hand."""

    def __init__(self, home: Path, redis_url: str, peer: OpenAIPeer) -> None:
        self.home, self.peer, self.redis_url = home, peer, redis_url
        self.redis = jobs.connect(redis_url)
        self.front = FrontLine(self.redis)
        self.store = ArtifactStore((home / "artifacts").as_uri())
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        (home / "catalogue.toml").write_text(_CATALOGUE, encoding="utf-8")

    def start(self, name: str, pool: str = "api", **settings: str) -> subprocess.Popen[bytes]:
        """Start a worker process called `name`; `settings` go below TESSERA_WORKER__."""
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("TESSERA_", "OPENAI_"))},
            "TESSERA_HOME": str(self.home),
            "TESSERA_REDIS_URL": self.redis_url,
            "TESSERA_MODELS": json.dumps({"offer": ["closed", "slow"], "files": [str(self.home / "catalogue.toml")]}),
            "TESSERA_WORKER__ID": name,
            "TESSERA_WORKER__LEASE_S": "1",
            "TESSERA_WORKER__API_JOBS": "1",
            "TESSERA_WORKER__BEAT_S": "0.1",
            "OPENAI_API_KEY": self.peer.key,
            "OPENAI_BASE_URL": self.peer.base_url,
            "OMP_NUM_THREADS": "1",
            **{f"TESSERA_WORKER__{key.upper()}": value for key, value in settings.items()},
        }
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "generation.worker", "--pool", pool], stdout=log, stderr=log, env=environment
            )
        return self.processes[name]

    async def started(self, name: str, pool: str = "api", **settings: str) -> subprocess.Popen[bytes]:
        """Start a worker and wait for its first sign of life."""
        process = self.start(name, pool, **settings)
        await self.until(lambda: self._alive(name), within_s=60)
        return process

    async def _alive(self, name: str) -> bool:
        return name in {worker.id for worker in await self.front.workers()}

    def log(self, name: str) -> str:
        """What a worker has written."""
        return (self.home / f"{name}.log").read_text(encoding="utf-8")

    async def enqueue(self, request_id: str, **changes: Any) -> JobOrder:
        """Put an order into the line, at the place of now."""
        wanted = order(request_id, **{"model": "closed", "pool": "api", **changes})
        await self.front.enqueue(wanted, time.time_ns() // 1_000_000)
        return wanted

    async def drawing(self, count: int = 1) -> None:
        """Wait until the provider has been asked this many times."""
        await self.until(lambda: len(self.peer.image_calls) >= count)

    async def outcome(self, request_id: str, *, attempt: int = 1) -> Outcome:
        """Wait for a stored outcome."""
        found: Outcome = await self.until(lambda: self.store.get_outcome(request_id, attempt))
        return found

    async def until(self, look: Callable[[], Any], within_s: float = 20) -> Any:
        """Look until there is something to see; fail with the workers' logs."""
        deadline = time.monotonic() + within_s
        while True:
            seen = look()
            seen = await seen if asyncio.iscoroutine(seen) else seen
            if seen:
                return seen
            logs = "\n".join(f"--- {name}\n{self.log(name)[-2000:]}" for name in self.processes)
            assert time.monotonic() < deadline, f"waited in vain\n{logs}"
            await asyncio.sleep(0.02)

    async def exit_code(self, name: str) -> int:
        """Wait for a worker's end."""
        return await asyncio.to_thread(self.processes[name].wait, 20)

    def close(self) -> None:
        """kill -9 whatever still runs."""
        for process in self.processes.values():
            process.send_signal(signal.SIGKILL)
            process.wait()


@pytest.fixture
async def peer() -> AsyncIterator[OpenAIPeer]:
    async with OpenAIPeer() as peer:
        yield peer


@pytest.fixture
async def make_stage(tmp_path: Path, peer: OpenAIPeer) -> AsyncIterator[Callable[[str], Stage]]:
    """Makes a stage for a Redis URL."""
    stages: list[Stage] = []

    def make(redis_url: str) -> Stage:
        stages.append(Stage(tmp_path, redis_url, peer))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()
        await stage.front.aclose()


@pytest.fixture
def stage(make_stage: Callable[[str], Stage], redis_url: str) -> Stage:
    return make_stage(redis_url)
