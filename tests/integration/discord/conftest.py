"""A stand-in for Discord, and the adapter connected to it by the unmodified discord.py."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.discord.adapter import DiscordAdapter
from generation.request import GenerationRequest
from tests.integration.discord.front import Front
from tests.peers.discord import DiscordPeer, Interaction


@pytest.fixture(autouse=True)
def _own_addresses() -> Iterator[None]:
    """discord.py keeps its addresses in class attributes; put them back, so that no test leaks into another."""
    rest, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    yield
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = rest, gateway


@pytest.fixture
async def peer() -> AsyncIterator[DiscordPeer]:
    async with DiscordPeer() as running:
        yield running


@pytest.fixture
def front(peer: DiscordPeer) -> Front:
    return Front(peer)


@contextlib.asynccontextmanager
async def connected(peer: DiscordPeer, front: Front, guild_ids: tuple[int, ...] = ()) -> AsyncIterator[DiscordAdapter]:
    """An adapter that is up; everything it started is gone afterwards."""
    adapter = DiscordAdapter(token=peer.store.token, api_url=peer.api_url, services=front.services, guild_ids=guild_ids)
    running = asyncio.create_task(adapter.run())
    try:
        async with asyncio.timeout(10):
            await adapter.ready.wait()
        await peer.until_connected()
        yield adapter
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def adapter(peer: DiscordPeer, front: Front) -> AsyncIterator[DiscordAdapter]:
    async with connected(peer, front) as up:
        yield up


Asked = tuple[Interaction, GenerationRequest]


@pytest.fixture
async def asked(peer: DiscordPeer, front: Front, adapter: DiscordAdapter) -> Asked:
    """A member has asked for a boat and sees the waiting line."""
    handle = await peer.interaction("imagine", {"prompt": "a red boat at dusk"})
    await peer.until(shows(handle, "Next in line"))
    return handle, front.requests[f"discord-{handle.id}"]


def shows(handle: Interaction, words: str) -> Callable[[], bool]:
    """Whether the placeholder shows these words."""
    return lambda: handle.message is not None and words in handle.message.text
