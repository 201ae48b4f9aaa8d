"""How soon the front is ready and how much memory it takes, with both chat adapters on; and that torch is not in it."""

import asyncio
import tempfile
import time
from pathlib import Path

import psutil

from tests.bench.figures import Figure
from tests.conftest import RedisServer
from tests.house import House
from tests.peers.discord.peer import TOKEN, DiscordPeer
from tests.peers.slack.peer import SlackPeer

STARTS = 3


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
        redis = RedisServer(Path(folder))
        redis.start()
        async with DiscordPeer(validate=False) as discord, SlackPeer() as slack:
            house = House(
                Path(folder) / "home",
                redis.url,
                DISCORD_TOKEN=TOKEN,
                TESSERA_DISCORD__API_URL=discord.api_url,
                SLACK_BOT_TOKEN=slack.space.bot_token,
                SLACK_APP_TOKEN=slack.space.app_token,
                TESSERA_SLACK__API_URL=slack.api_url,
            )
            try:
                runs = [await _start(house) for _ in range(STARTS)]
            finally:
                house.close()
                redis.kill()
    ready, memory, heavy = min(run[0] for run in runs), max(run[1] for run in runs), max(run[2] for run in runs)
    more: dict[str, object] = {
        "starts": [round(run[0], 3) for run in runs],
        "adapters": ["discord", "slack", "terminal"],
    }
    return [
        Figure("footprint", "front_ready_s", ready, "s", limit=2.0, more=more),
        Figure("footprint", "front_rss_mib", memory, "MiB", limit=150.0, more=more),
        Figure("footprint", "torch_files_mapped", heavy, "files", limit=0),
    ]


async def _start(house: House) -> tuple[float, float, float]:
    """Seconds until every adapter takes commands, MiB resident then and a moment later, torch libraries mapped."""
    begun = time.monotonic()
    process = psutil.Process(house.start_front().pid)
    await house.until_ready("discord", "slack", "terminal")
    ready = time.monotonic() - begun
    await asyncio.sleep(1)
    resident = process.memory_info().rss / 2**20
    heavy = sum("torch" in mapped.path for mapped in process.memory_maps())
    house.stop("front")
    return ready, resident, float(heavy)
