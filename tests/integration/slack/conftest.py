"""A Slack peer, a front in memory, and the real adapter between them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.slack.adapter import SlackAdapter
from generation.request import GenerationRequest
from tests.integration.slack.front import Front
from tests.peers.slack import SlackPeer

RunAdapter = Callable[..., AbstractAsyncContextManager[SlackAdapter]]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """slack_sdk would send even loopback traffic through a proxy it finds in the environment."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def peer() -> AsyncIterator[SlackPeer]:
    async with SlackPeer() as peer:
        yield peer


@pytest.fixture
async def front() -> Front:
    return Front()


@pytest.fixture
def build(peer: SlackPeer, front: Front) -> Callable[..., SlackAdapter]:
    """Builds an adapter for the peer; keyword arguments replace single settings."""

    def build(**settings: Any) -> SlackAdapter:
        usual: dict[str, Any] = {
            "bot_token": peer.space.bot_token,
            "app_token": peer.space.app_token,
            "signing_secret": None,
            "api_url": peer.api_url,
            "http_host": "127.0.0.1",
            "http_port": None,
            "services": front.services(),
            "ping_interval_s": 0.4,
        }
        return SlackAdapter(**usual | settings)

    return build


@pytest.fixture
def running(build: Callable[..., SlackAdapter]) -> RunAdapter:
    """Runs an adapter until the block ends."""

    @asynccontextmanager
    async def running(**settings: Any) -> AsyncIterator[SlackAdapter]:
        adapter = build(**settings)
        task = asyncio.create_task(adapter.run())
        ready = asyncio.create_task(adapter.ready.wait())
        done, _ = await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        if task in done:
            ready.cancel()
            await task
        assert adapter.ready.is_set()
        try:
            yield adapter
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    return running


@pytest.fixture
async def adapter(running: RunAdapter) -> AsyncIterator[SlackAdapter]:
    """The adapter in Socket Mode."""
    async with running() as adapter:
        yield adapter


@pytest.fixture
async def web_adapter(running: RunAdapter, peer: SlackPeer) -> AsyncIterator[SlackAdapter]:
    """The adapter in HTTP mode, on a free port."""
    async with running(app_token=None, signing_secret=peer.space.signing_secret, http_port=0) as adapter:
        yield adapter


@pytest.fixture
async def request_(adapter: SlackAdapter, peer: SlackPeer, front: Front) -> GenerationRequest:
    """A request whose placeholder is up."""
    await peer.command("/imagine", "a boat")
    await peer.space.until(lambda: front.attached)
    return front.last


@pytest.fixture
def bare(request_: GenerationRequest) -> GenerationRequest:
    """A request of which no placeholder is known: the front was killed before it could be posted."""
    return replace(request_, id="slack-other", reply_to=replace(request_.reply_to, placeholder_id=None))
