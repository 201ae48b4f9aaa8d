"""Commands by Socket Mode: a websocket that the bot opens, so that nothing of it need be reachable from outside.

Owns opening the socket and watching it. slack_bolt's handler reopens a closed one by itself, but it keeps trying the
same address, whose ticket expires; a socket that stays down is therefore thrown away here and opened anew.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.services import AdapterRejected
from bot.slack.clients import library_logger
from bot.slack.errors import CALL_ERRORS, code, is_temporary, retry_after_s
from bot.wording import slack as wording

log = logging.getLogger(__name__)

PING_INTERVAL_S = 10.0
_CONNECT_PINGS, _DOWN_PINGS = 3, 6
_LONGEST_PAUSE_S = 30.0


async def persist(call: Callable[[], Awaitable[AsyncSlackResponse]]) -> AsyncSlackResponse:
    """Call Slack until it answers. Raises `AdapterRejected` when the answer is a refusal of the token."""
    pause = 1.0
    while True:
        try:
            return await call()
        except CALL_ERRORS as error:
            if not is_temporary(error):
                raise AdapterRejected(wording.rejected(code(error))) from None
            wait = max(retry_after_s(error) or 0.0, pause)
            log.warning("Slack does not answer (%s); again in %.0f s", code(error), wait)
            await asyncio.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE_S)


async def serve(app: AsyncApp, app_token: str, ready: asyncio.Event, *, ping_interval_s: float) -> None:
    """Take commands until cancelled. Raises `AdapterRejected` if Slack refuses the app token."""

    async def greeted(_client: object, message: dict[str, Any], _raw: str | None) -> None:
        if message.get("type") == "hello":
            log.info("the Slack socket is open")
            ready.set()

    while True:
        answer = await persist(lambda: app.client.apps_connections_open(app_token=app_token))
        handler = AsyncSocketModeHandler(app, app_token, logger=library_logger(), ping_interval=ping_interval_s)
        handler.client.wss_uri = str(answer["url"])
        handler.client.message_listeners.append(greeted)
        try:
            await _serve_one(handler, ping_interval_s)
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]  # slack_bolt leaves it untyped
        log.warning("the Slack socket stayed down; a new one is opened")


async def _serve_one(handler: AsyncSocketModeHandler, ping_interval_s: float) -> None:
    """Keep one handler for as long as it keeps itself connected: three pings to connect, six to come back."""
    try:
        async with asyncio.timeout(_CONNECT_PINGS * ping_interval_s):
            await handler.connect_async()  # type: ignore[no-untyped-call]  # slack_bolt leaves it untyped
    except TimeoutError:
        return
    well_at = time.monotonic()
    while time.monotonic() - well_at < _DOWN_PINGS * ping_interval_s:
        await asyncio.sleep(ping_interval_s / 2)
        if await handler.client.is_connected():
            well_at = time.monotonic()
