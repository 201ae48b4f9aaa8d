"""What every Slack listener works with, and how it answers a member alone.

Owns `Room`, handed to listeners through Bolt's context under the name `room`, the tracking of listeners at work, and
`whisper`. It must not know the commands.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.services import Services
from bot.slack import blocks
from bot.slack.directory import Directory
from bot.slack.errors import CALL_ERRORS, code
from bot.slack.placeholders import Placeholders

log = logging.getLogger(__name__)

_GOODBYE_S = 5.0

Listener = Callable[..., Awaitable[None]]


class Work:
    """Listeners at work after their acknowledgement, so that a stop can wait for them."""

    def __init__(self) -> None:
        """Start with none."""
        self._running: set[asyncio.Task[Any]] = set()

    def tracked(self, listener: Listener) -> Listener:
        """The same listener, counted while it runs."""

        @functools.wraps(listener)  # Bolt reads the argument names of what is wrapped
        async def run(**arguments: object) -> None:
            task = asyncio.current_task()
            if task is None:  # pragma: no cover - a coroutine always runs in a task
                raise RuntimeError("a listener runs in a task")
            self._running.add(task)
            try:
                await listener(**arguments)
            finally:
                self._running.discard(task)

        return run

    async def finish(self) -> None:
        """Wait a little for those still at work, then end them."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=_GOODBYE_S)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
            log.warning("%d Slack commands were ended before they were done", len(late))


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The adapter as its listeners see it."""

    services: Services
    client: AsyncWebClient
    directory: Directory
    placeholders: Placeholders
    work: Work = field(default_factory=Work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where somebody is to be answered."""

    channel_id: str
    user_id: str
    thread_ts: str | None


async def whisper(room: Room, respond: AsyncRespond, place: Place, lines: Iterable[str]) -> None:
    """Tell somebody something only they see: by the event's own URL, and by the API once that is used up."""
    text = blocks.said(lines)
    try:
        answer = await respond(response_type="ephemeral", replace_original=False, thread_ts=place.thread_ts, **text)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        # ValueError is Bolt's way to say that the event brought no URL.
        reason = type(error).__name__
    else:
        if answer.status_code == 200:
            return
        reason = f"HTTP {answer.status_code}"
    log.info("a response URL did not take an answer (%s), it goes by the API", reason)
    try:
        await room.client.chat_postEphemeral(
            channel=place.channel_id, user=place.user_id, thread_ts=place.thread_ts, **text
        )
    except CALL_ERRORS as error:
        log.warning("an answer to a member could not be shown: %s", code(error))
