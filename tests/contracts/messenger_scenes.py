"""One scene a platform: a real messenger, a request that a member really made, and what the member can see."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bot.messenger import Messenger
from bot.slack.adapter import SlackAdapter
from bot.terminal.messenger import TerminalMessenger
from generation.request import GenerationRequest, Platform, ReplyTo, Requester
from tests.integration.discord.conftest import connected, shows
from tests.integration.discord.front import Front as DiscordFront
from tests.integration.slack.front import Front as SlackFront
from tests.making import request
from tests.peers.discord import DiscordPeer
from tests.peers.slack import SlackPeer


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`ask` gets a request whose placeholder is shown; `seen` gives every visible picture's bytes; `words` all text."""

    messenger: Messenger
    ask: Callable[[], Awaitable[GenerationRequest]]
    seen: Callable[[], list[bytes]]
    words: Callable[[], str]


@contextlib.asynccontextmanager
async def discord(_: Path) -> AsyncIterator[Scene]:
    async with DiscordPeer() as peer:
        front = DiscordFront(peer)
        async with connected(peer, front) as adapter:

            async def ask() -> GenerationRequest:
                handle = await peer.interaction("imagine", {"prompt": "a red boat at dusk"})
                await peer.until(shows(handle, "Next in line"))
                return front.requests[f"discord-{handle.id}"]

            def messages() -> list[str]:
                return [message.text for message in peer.store.in_channel(peer.store.channel_id)]

            yield Scene(
                messenger=adapter.messenger,
                ask=ask,
                seen=lambda: [
                    picture.data
                    for message in peer.store.in_channel(peer.store.channel_id)
                    for picture in message.pictures
                ],
                words=lambda: "\n".join(messages()),
            )


@contextlib.asynccontextmanager
async def slack(_: Path) -> AsyncIterator[Scene]:
    front = SlackFront()
    async with SlackPeer() as peer:
        adapter = SlackAdapter(
            bot_token=peer.space.bot_token,
            app_token=peer.space.app_token,
            signing_secret=None,
            api_url=peer.api_url,
            http_host="127.0.0.1",
            http_port=None,
            services=front.services(),
        )
        running = asyncio.create_task(adapter.run())
        await asyncio.wait_for(adapter.ready.wait(), 10)

        async def ask() -> GenerationRequest:
            known = set(front.attached)
            await peer.command("/imagine", "a red boat at dusk")
            async with asyncio.timeout(10):
                while not (new := set(front.attached) - known):
                    await asyncio.sleep(0.01)
            return front.requests[new.pop()]

        yield Scene(
            messenger=adapter.messenger,
            ask=ask,
            seen=lambda: [peer.space.files[key].data or b"" for m in peer.messages() for key in m.file_ids],
            words=lambda: "\n".join(message.words for message in peer.messages()),
        )
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@contextlib.asynccontextmanager
async def terminal(folder: Path) -> AsyncIterator[Scene]:
    messenger = TerminalMessenger(folder / "pictures")

    async def ask() -> GenerationRequest:
        return request(
            f"terminal-{uuid.uuid4().hex}",
            requester=Requester(platform=Platform.TERMINAL, workspace_id="local", user_id="ann"),
            reply_to=ReplyTo(platform=Platform.TERMINAL, channel_id="terminal"),
        )

    yield Scene(
        messenger=messenger,
        ask=ask,
        seen=lambda: [path.read_bytes() for path in sorted((folder / "pictures").glob("*.png"))],
        words=lambda: "\n".join(path.read_text() for path in sorted((folder / "pictures" / ".told").glob("*.json"))),
    )


SCENES = {"discord": discord, "slack": slack, "terminal": terminal}
