"""A whole installation of real processes in a folder of its own: redis-server, front, workers.

Nothing here is faked: the processes are the ones an operator starts, and `kill` is `kill -9`.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from generation.database import open_sqlite
from generation.places import Places
from migrations import apply_all

# The starter in fewer steps, and a slower one, so that there is a middle of the picture to be killed in.
_CATALOGUE = """
[[model]]
id = "starter"
num_inference_steps = 4
guidance_scale = 1.0

[[model]]
id = "slow"
title = "Slow starter"
maker = "Tessera"
backend = "diffusers"
arguments = {{ shipped = "starter" }}
openness = "open_source"
licence = "Apache-2.0"
bot_use = "yes"
# Large enough to take some seconds on a quick machine too.
sizes = ["224x224"]
num_inference_steps = {steps}
guidance_scale = 1.0
closed_vocabulary = "It knows twelve subjects in eight places and cannot depict anything else."
checked_at = "2026-11-20"
"""


class House:
    """One installation; processes are named, and started and killed by name."""

    def __init__(self, home: Path, redis_url: str, *, steps: int = 60, **environment: str) -> None:
        """Make the folder, a catalogue with a quick and a slow model, and a migrated database.

        `environment` is added to every process's.
        """
        self.home, self.places = home, Places(home).create()
        catalogue = home / "models.toml"
        catalogue.write_text(_CATALOGUE.format(steps=steps), encoding="utf-8")
        db = open_sqlite(self.places.database)
        apply_all(db)
        db.close()
        self._environment = {
            **{key: value for key, value in os.environ.items() if not _is_ours(key)},
            "TESSERA_HOME": str(home),
            "TESSERA_REDIS_URL": redis_url,
            "TESSERA_MODELS": json.dumps({"offer": ["starter", "slow"], "files": [str(catalogue)]}),
            "TESSERA_TIMING": json.dumps({"sweep_s": 0.3, "lost_after_s": 2.0, "retry_s": 0.5}),
            "TESSERA_QUOTA__DAILY_IMAGES": "1000",
            "TESSERA_LIMITS__UNDER_WAY": "100",
            "TESSERA_WORKER__LEASE_S": "3",
            "TESSERA_WORKER__POOLS": '["gpu"]',
            "OMP_NUM_THREADS": "1",
            **environment,
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start `python -m …` under a name, its output going to `<name>.log` in the home folder."""
        log = (self.home / f"{name}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=self._environment | environment,
        )
        log.close()
        self._processes[name] = process
        return process

    def start_front(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start the front."""
        return self.start("front", "bot", "bot", **environment)

    def start_worker(self, name: str = "worker", **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self.start(name, "generation.worker", **environment)

    def kill(self, name: str) -> None:
        """kill -9."""
        self._processes[name].kill()
        self._processes.pop(name).wait()

    def stop(self, name: str, within_s: float = 30) -> int:
        """SIGTERM, and the exit code."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(within_s)

    def close(self) -> None:
        """kill -9 whatever still runs."""
        for name in list(self._processes):
            self.kill(name)

    def log(self, name: str) -> str:
        """What a process has written."""
        path = self.home / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    async def status(self) -> dict[str, Any] | None:
        """The front's own report, or None while it does not answer."""
        connector = aiohttp.UnixConnector(str(self.places.front_socket))
        try:
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.get("http://front/status") as response,
            ):
                return dict(await response.json())
        except (aiohttp.ClientError, OSError):
            return None

    async def until_ready(self, *adapters: str, workers: int = 0, within_s: float = 60) -> dict[str, Any]:
        """Wait until these adapters take commands and this many workers gave a sign of life."""

        def ready(status: dict[str, Any] | None) -> bool:
            return (
                status is not None
                and all(status["adapters"].get(name) for name in adapters)
                and len(status["workers"] or ()) >= workers
            )

        return dict(await until(self.status, ready, within_s, lambda: self.log("front") + self.log("worker")))

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the SQLite file beside the running front."""
        db = open_sqlite(self.places.database)
        try:
            return list(db.execute(sql, values).fetchall())
        finally:
            db.close()


def _is_ours(variable: str) -> bool:
    """Whether a variable would configure us, or send loopback traffic through a proxy."""
    return variable.startswith(("TESSERA_", "DISCORD_", "SLACK_", "OPENAI_")) or variable.lower().endswith("_proxy")


async def until(look: Any, good: Callable[[Any], bool], within_s: float, explain: Callable[[], str]) -> Any:
    """Look again and again until what is seen is good; fail with an explanation otherwise."""
    deadline = time.monotonic() + within_s
    while True:
        seen = look()
        if asyncio.iscoroutine(seen):
            seen = await seen
        if good(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; last seen: {seen!r}\n{explain()[-4000:]}")
        await asyncio.sleep(0.05)
