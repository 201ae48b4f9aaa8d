"""The model in the box on this machine's CPU: one picture, a grid of four, and the memory of a worker that draws it.

Pictures come from the real backend, warm, from prompt to PNG of 512 by 512, with the catalogue's own steps and
guidance. The memory is that of a real worker process, its children included, while it loads the model and draws for a
member: the most that was seen.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
import uuid
from pathlib import Path

import psutil

from bot.terminal.client import imagine
from bot.terminal.protocol import Done, Wish
from generation.backends.base import Watch
from generation.backends.diffusers import DiffusersBackend
from generation.catalogue import Catalogue, ModelEntry, load_entries
from generation.request import GenerationParams, JobOrder, Task
from tests.bench.figures import Figure
from tests.conftest import RedisServer
from tests.house import House

MODEL = "starter"
PROMPT = "a red sailboat on the sea at sunset"
ROUNDS = 5
GRID_ROUNDS = 3


async def measure() -> list[Figure]:
    entry = Catalogue(load_entries(), [MODEL]).default
    one, four = await _drawing(entry)
    memory, at_rest = await _memory()
    steps = {"steps": entry.num_inference_steps, "guidance": entry.guidance_scale, "size": entry.sizes[0]}
    return [
        Figure(MODEL, "one_s", statistics.median(one), "s", limit=2.0, more={"rounds": _short(one), **steps}),
        Figure(MODEL, "grid4_s", statistics.median(four), "s", limit=6.0, more={"rounds": _short(four), **steps}),
        Figure(MODEL, "worker_rss_mib", memory, "MiB", limit=700.0, more={"after_drawing": round(at_rest)}),
    ]


async def _drawing(entry: ModelEntry) -> tuple[list[float], list[float]]:
    """Seconds for one picture and for four, several times each, after a first one that loads the model."""
    backend = DiffusersBackend(device="cpu")
    try:
        await _seconds(backend, entry, 1)
        one = [await _seconds(backend, entry, 1) for _ in range(ROUNDS)]
        return one, [await _seconds(backend, entry, 4) for _ in range(GRID_ROUNDS)]
    finally:
        await backend.aclose()


async def _seconds(backend: DiffusersBackend, entry: ModelEntry, pictures: int) -> float:
    width, height = entry.dimensions[0]
    params = GenerationParams(
        width=width,
        height=height,
        num_images=pictures,
        seed=7,
        num_inference_steps=entry.num_inference_steps,
        guidance_scale=entry.guidance_scale,
    )
    order = JobOrder(
        request_id="bench-1",
        attempt=1,
        task=Task.TEXT_TO_IMAGE,
        prompt=PROMPT,
        params=params,
        safety_identifier="0" * 64,
        model=entry.id,
        pool="gpu",
        accepted_at=0,
    )
    begun = time.monotonic()
    made = await backend.generate(entry, order, Watch(lambda *_: None))
    taken = time.monotonic() - begun
    if len(made.images) != pictures:
        raise ValueError(f"{len(made.images)} pictures came instead of {pictures}")
    return taken


async def _memory() -> tuple[float, float]:
    """MiB resident in a worker and its children: the most while one member is served, and afterwards."""
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
        redis = RedisServer(Path(folder))
        redis.start()
        # The catalogue as it ships, and as many threads as an operator's worker would take.
        house = House(
            Path(folder) / "home",
            redis.url,
            TESSERA_MODELS=json.dumps({"offer": [MODEL]}),
            OMP_NUM_THREADS=str(os.cpu_count()),
        )
        try:
            house.start_front()
            worker = psutil.Process(house.start_worker().pid)
            await house.until_ready("terminal", workers=1)
            asking = asyncio.ensure_future(_ask(house))
            seen = [_resident(worker)]
            while not asking.done():
                await asyncio.sleep(0.02)
                seen.append(_resident(worker))
            await asking
            await asyncio.sleep(1)
            return max(*seen, _resident(worker)), _resident(worker)
        finally:
            house.close()
            redis.kill()


async def _ask(house: House) -> None:
    wish = Wish(id=f"terminal-{uuid.uuid4().hex}", prompt=PROMPT, model=MODEL)
    *_, last = [event async for event in imagine(house.places.front_socket, wish)]
    if not isinstance(last, Done):
        raise TypeError(f"no picture came: {last}")


def _resident(worker: psutil.Process) -> float:
    everybody = (worker, *worker.children(recursive=True))
    return sum(float(process.memory_info().rss) for process in everybody) / 2**20


def _short(times: list[float]) -> list[float]:
    return [round(each, 3) for each in times]
