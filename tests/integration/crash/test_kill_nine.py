"""Nothing is lost: real processes killed with -9, a real Redis wiped and killed, real discord.py against its stand-in.

One house serves all tests of this module, since starting a worker means importing torch.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.delivery import short_id
from tests.conftest import RedisServer
from tests.house import House, until
from tests.peers.discord.peer import TOKEN, DiscordPeer
from tests.peers.discord.state import Interaction

# Starting processes that import torch takes several seconds each on two busy cores.
pytestmark = [pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("kr"))
    server.start()
    yield server
    server.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer() -> AsyncIterator[DiscordPeer]:
    async with DiscordPeer() as peer:
        yield peer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    peer: DiscordPeer, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    house = House(
        tmp_path_factory.mktemp("k") / "home", redis.url, DISCORD_TOKEN=TOKEN, TESSERA_DISCORD__API_URL=peer.api_url
    )
    house.start_front()
    house.start_worker()
    await house.until_ready("discord", workers=1)
    yield house
    house.close()


def shown(peer: DiscordPeer, interaction: Interaction) -> int:
    """How many messages with this request's pictures, edited or new, the channel shows."""
    name = f"tessera-{short_id(f'discord-{interaction.id}')}-"
    messages = peer.store.in_channel(interaction.channel_id)
    return sum(any(name in picture.filename for picture in message.pictures) for message in messages)


async def delivered(house: House, peer: DiscordPeer, *asked: Interaction, within_s: float = 90) -> None:
    """Wait until each has its picture and is settled; then there is exactly one message with pictures for each."""
    ids = [f"discord-{interaction.id}" for interaction in asked]
    marks = ", ".join("?" * len(ids))

    def ended() -> int:
        rows = house.rows(f"SELECT count(*) FROM requests WHERE state = 'delivered' AND id IN ({marks})", *ids)  # noqa: S608
        return int(rows[0][0])

    logs = ("front", "front2", "worker", "worker2")
    await until(ended, lambda count: count == len(ids), within_s, lambda: "\n".join(house.log(name) for name in logs))
    assert [shown(peer, interaction) for interaction in asked] == [1] * len(asked)
    for key in ids:
        held, settled = house.rows(
            """SELECT sum(amount) FILTER (WHERE kind = 'hold'), sum(amount) FILTER (WHERE kind = 'settle')
               FROM ledger_entries WHERE request_id = ?""",
            key,
        )[0]
        assert held == settled == 1


async def drawing(house: House, interaction: Interaction) -> None:
    """Wait until the placeholder tells of the drawing: a worker is in the middle of the picture."""

    def far() -> str:
        return interaction.message.text if interaction.message else ""

    await until(
        far, lambda text: "Drawing" in text and "%" in text, 60, lambda: house.log("front") + house.log("worker")
    )


async def test_a_worker_killed_in_the_middle_of_a_picture(house: House, peer: DiscordPeer) -> None:
    asked = await peer.interaction("imagine", {"prompt": "a red boat", "model": "slow"})
    await drawing(house, asked)
    house.kill("worker")
    house.start_worker("worker")

    # The promise is 30 s, with a lease of 15 s; the wait is longer only because this machine may be busy.
    await delivered(house, peer, asked, within_s=60)
    [(names,)] = house.rows(
        "SELECT group_concat(name) FROM timeline WHERE request_id = ? AND name = 'delivered'", f"discord-{asked.id}"
    )
    assert names == "delivered"


async def test_a_front_killed_while_a_picture_is_drawn(house: House, peer: DiscordPeer) -> None:
    asked = await peer.interaction("imagine", {"prompt": "a blue boat", "model": "slow"})
    await drawing(house, asked)
    house.kill("front")
    house.start_front()

    await delivered(house, peer, asked)
    await house.until_ready("discord", workers=1)


@pytest.mark.parametrize("late", [False, True], ids=["in the placeholder", "in the channel, the token being too old"])
async def test_a_front_killed_while_it_tells(house: House, peer: DiscordPeer, late: bool) -> None:  # noqa: FBT001 - a parametrised case
    """Discord has the picture, but the front dies before it hears so: on restart there must be no second one."""
    asked = await peer.interaction("imagine", {"prompt": "a green boat", "model": "slow"})
    await drawing(house, asked)
    if late:
        peer.advance(16 * 60)
    method, path = ("POST", "/messages") if late else ("PATCH", "/webhooks/")
    fault = peer.fault(method, path, 200, after=True, drop=True, times=1000)

    await until(lambda: shown(peer, asked), lambda count: count > 0, 60, lambda: house.log("front"))
    house.kill("front")
    fault.times = 0
    [(state,)] = house.rows("SELECT state FROM requests WHERE id = ?", f"discord-{asked.id}")
    assert state == "telling", "the front knew already: this test would show nothing"
    house.start_front()

    await delivered(house, peer, asked)
    assert fault.hits
    await house.until_ready("discord", workers=1)


async def test_redis_wiped_with_ten_requests_queued(house: House, peer: DiscordPeer, redis: RedisServer) -> None:
    asked = await asyncio.gather(
        *(peer.interaction("imagine", {"prompt": f"boat {n}", "model": "starter"}) for n in range(10))
    )
    await until(
        lambda: house.rows("SELECT count(*) FROM requests WHERE state = 'queued'")[0][0],
        lambda queued: queued >= 5,
        20,
        lambda: house.log("front"),
    )
    wipe = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("redis-cli")), "-s", str(redis.socket), "FLUSHALL", stdout=subprocess.DEVNULL
    )
    assert await wipe.wait() == 0

    await delivered(house, peer, *asked)


async def test_redis_killed_with_ten_requests_queued(house: House, peer: DiscordPeer, redis: RedisServer) -> None:
    redis.kill()
    asked = await asyncio.gather(
        *(peer.interaction("imagine", {"prompt": f"ship {n}", "model": "starter"}) for n in range(10))
    )
    await until(
        lambda: house.rows("SELECT count(*) FROM requests WHERE state = 'queued'")[0][0],
        lambda queued: queued == 10,
        20,
        lambda: house.log("front"),
    )
    redis.start()

    await delivered(house, peer, *asked)


async def test_the_ledger_conserves_after_all_that(house: House) -> None:
    [(held, closed)] = house.rows(
        """SELECT sum(amount) FILTER (WHERE kind = 'hold'), sum(amount) FILTER (WHERE kind IN ('settle', 'release'))
           FROM ledger_entries"""
    )
    assert held == closed
    assert house.rows("SELECT count(*) FROM requests WHERE state IN ('queued', 'telling')") == [(0,)]
