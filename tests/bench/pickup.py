"""How long from submitting to a worker's start on an idle system, and the same with arq's own polling interval.

Front and worker are the real processes; the terminal adapter asks. The time is taken from the stored timeline: from
`submitted`, when the front accepted, to `started`, when the worker took the job; both clocks are this machine's.
"""

import asyncio
import random
import tempfile
import uuid
from pathlib import Path

from bot.terminal.client import imagine
from bot.terminal.protocol import Done, Wish
from tests.bench.figures import Figure, percentile
from tests.conftest import RedisServer
from tests.house import House

TIMES = 40
ARQ_DEFAULT_TIMES = 16


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
        redis = RedisServer(Path(folder))
        redis.start()
        house = House(Path(folder) / "home", redis.url, steps=1)
        try:
            house.start_front()
            ours = await _times(house, TIMES)
            default = await _times(house, ARQ_DEFAULT_TIMES, TESSERA_WORKER__POLL_S="0.5")
        finally:
            house.close()
            redis.kill()
    ratio = percentile(default, 0.5) / percentile(ours, 0.5)
    return [
        Figure("pickup", "pickup_p50_ms", percentile(ours, 0.5), "ms", limit=25, more={"samples": TIMES}),
        Figure("pickup", "pickup_p95_ms", percentile(ours, 0.95), "ms", more={"samples": TIMES}),
        Figure("pickup", "arq_default_p50_ms", percentile(default, 0.5), "ms", more={"samples": ARQ_DEFAULT_TIMES}),
        Figure("pickup", "speedup", ratio, "times", more={"of": "arq_default_p50_ms / pickup_p50_ms"}),
    ]


async def _times(house: House, count: int, **environment: str) -> list[float]:
    house.start_worker(**environment)
    await house.until_ready("terminal", workers=1)
    before = len(_measured(house))
    pauses = random.Random(7)
    for _ in range(count + 1):
        # Members do not ask in step with a worker's polling; asking at once after each answer would.
        await asyncio.sleep(pauses.uniform(0, 0.5))
        wish = Wish(id=f"terminal-{uuid.uuid4().hex}", prompt="a red boat", model="slow")
        *_, last = [event async for event in imagine(house.places.front_socket, wish)]
        if not isinstance(last, Done):
            raise TypeError(f"no picture came: {last}")
    house.stop("worker")
    # The first one waits for the model to load, after its start; it warms everything up and is not counted.
    return _measured(house)[before + 1 :]


def _measured(house: House) -> list[float]:
    rows = house.rows(
        """SELECT min(s.at) - t.at FROM timeline t JOIN timeline s ON s.request_id = t.request_id AND s.name = 'started'
           WHERE t.name = 'submitted' GROUP BY t.request_id, t.at ORDER BY t.at"""
    )
    return [float(row[0]) for row in rows]
