"""Slack's side of the front.

Owns `SlackAdapter`: signing in, the choice between Socket Mode and HTTP mode, and the Bolt app. The only seam for tests
and proxies is the address of Slack's API. It must not know what the commands mean (`bot.slack.listeners`) or how
members are told (`bot.slack.messenger`).
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_bolt.error import BoltUnhandledRequestError

from bot.messenger import Messenger
from bot.services import AdapterRejected, Services
from bot.slack import http_mode, listeners, socket_mode
from bot.slack.budget import ProgressBudget
from bot.slack.clients import library_logger, quick_client, web_client
from bot.slack.directory import Directory
from bot.slack.messenger import SlackMessenger
from bot.slack.payload import read_command
from bot.slack.placeholders import Placeholders
from bot.slack.room import Place, Room, whisper
from bot.wording import slack as wording
from generation.request import Platform

log = logging.getLogger(__name__)

_TIMEOUT = aiohttp.ClientTimeout(total=30)


class SlackAdapter:
    """Keeps `bot.services.Adapter` for one Slack workspace.

    With an app token it uses Socket Mode; else, with a signing secret and a port, it serves HTTP on /slack/events.
    """

    def __init__(  # noqa: PLR0913 - one argument a setting, all by name
        self,
        *,
        bot_token: str,
        app_token: str | None,
        signing_secret: str | None,
        api_url: str | None,
        http_host: str,
        http_port: int | None,
        services: Services,
        moderator_ids: tuple[str, ...] = (),
        ping_interval_s: float = socket_mode.PING_INTERVAL_S,
    ) -> None:
        """Take tokens, addresses and the front's services. `moderator_ids` moderate besides admins and owners.

        `ping_interval_s` bounds how long a silently lost socket goes unnoticed.
        """
        self._app_token, self._signing_secret = app_token, signing_secret
        self._http_host, self._http_port, self._ping_interval_s = http_host, http_port, ping_interval_s
        self._client, self._quick = web_client(bot_token, api_url), quick_client(bot_token, api_url)
        self._ready = asyncio.Event()
        self._room = Room(
            services=services,
            client=self._client,
            directory=Directory(self._quick, services.now, moderator_ids),
            placeholders=Placeholders(),
        )
        self._messenger = SlackMessenger(
            client=self._client,
            quick=self._quick,
            directory=self._room.directory,
            placeholders=self._room.placeholders,
            budget=ProgressBudget(services.now),
        )

    @property
    def platform(self) -> Platform:
        """Slack."""
        return Platform.SLACK

    @property
    def messenger(self) -> Messenger:
        """How members are told; works with or without `run`."""
        return self._messenger

    @property
    def ready(self) -> asyncio.Event:
        """Set once commands can arrive."""
        return self._ready

    @property
    def http_port(self) -> int | None:
        """The port of HTTP mode; the real one once `ready` is set, also where 0 was asked for."""
        return self._http_port

    async def run(self) -> None:
        """Serve until cancelled; reconnects by itself. Raises `AdapterRejected`."""
        if not self._app_token and not (self._signing_secret and self._http_port is not None):
            raise AdapterRejected(wording.no_way_in())
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            # One session keeps its connections open; without it, the SDK would open a new one for each call.
            self._client.session = self._quick.session = session
            try:
                await self._serve(await self._sign_in())
            finally:
                self._ready.clear()
                await self._room.work.finish()
                self._client.session = self._quick.session = None

    async def _sign_in(self) -> AuthorizeResult:
        who = await socket_mode.persist(self._client.auth_test)
        log.info("signed in to the Slack workspace %s", who.get("team_id"))
        return AuthorizeResult(
            enterprise_id=who.get("enterprise_id"),
            team_id=who.get("team_id"),
            bot_id=who.get("bot_id"),
            bot_user_id=who.get("user_id"),
            bot_token=self._client.token,
        )

    async def _serve(self, identity: AuthorizeResult) -> None:
        app = _bolt_app(self._room, identity, self._signing_secret)
        if self._app_token:
            await socket_mode.serve(app, self._app_token, self._ready, ping_interval_s=self._ping_interval_s)
        elif self._signing_secret and self._http_port is not None:
            await http_mode.serve(
                app,
                self._signing_secret,
                self._ready,
                host=self._http_host,
                port=self._http_port,
                bound=self._bound,
            )

    def _bound(self, port: int) -> None:
        self._http_port = port


def _bolt_app(room: Room, identity: AuthorizeResult, signing_secret: str | None) -> AsyncApp:
    async def authorize() -> AuthorizeResult:
        # Asked once at the start: Bolt's own way would make the first acknowledgement wait for auth.test.
        return identity

    async def bring_room(context: AsyncBoltContext, next: Callable[[], Awaitable[Any]]) -> None:  # noqa: A002 - Bolt passes arguments by name
        context["room"] = room
        await next()

    app = AsyncApp(
        name="tessera",
        logger=library_logger(),
        client=room.client,
        authorize=authorize,
        signing_secret=signing_secret or "",
        raise_error_for_unhandled_request=True,
    )
    app.use(bring_room)
    app.error(_on_error)
    listeners.register(app, room)
    return app


async def _on_error(error: Exception, body: dict[str, Any], context: AsyncBoltContext, respond: AsyncRespond) -> None:
    """The boundary of one event: say in the log where it broke, without what it held, and tell the member."""
    if isinstance(error, BoltUnhandledRequestError):
        log.warning("Slack sent a %s that nothing here handles", body.get("type") or "request")
        return
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
    log.error("a Slack event broke with %s at %s", type(error).__name__, where)
    room, call = context.get("room"), read_command(body)
    if isinstance(room, Room) and call is not None:
        place = Place(channel_id=call.channel_id, user_id=call.user_id, thread_ts=call.thread_ts)
        await whisper(room, respond, place, (wording.went_wrong(),))
