"""The stand-in for Discord as a whole: starts the server and is what tests hold in their hands."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.peers.discord import payloads
from tests.peers.discord.control import Control
from tests.peers.discord.gateway import Gateway
from tests.peers.discord.refusal import BODY, PATH, Fault, Refusal
from tests.peers.discord.rest import BotApi
from tests.peers.discord.schema import find_description, load_description
from tests.peers.discord.state import Call, Interaction, Json, Message, Store
from tests.peers.discord.webhooks import InteractionApi

ROOT = "/api/v10"
TOKEN = "bm90LWEtcmVhbC10b2tlbg.made.up"
MANAGE_GUILD = 1 << 5
_PUBLIC = (ROOT + "/interactions/", ROOT + "/webhooks/", ROOT + "/gateway-socket", "/_peer/", "/attachments/")


class DiscordPeer:
    """A server that speaks Discord's protocol on a local port, with one guild, a channel and a thread in it.

    `api_url` is what `TESSERA_DISCORD__API_URL` takes. `store` holds all that happened, `faults` the scripted failures.
    """

    def __init__(self, *, port: int = 0, token: str = TOKEN, validate: bool = True) -> None:
        """Take the port (0: any free one), the bot token to accept, and whether to use Discord's own description."""
        self._port = port
        self._description = find_description() if validate else None
        self.store = Store(token)
        self.gateway = Gateway(self.store)
        self.faults: list[Fault] = []
        self.member_id = self.add_member("alice")
        self._runner: web.AppRunner | None = None
        self.url = ""

    @property
    def api_url(self) -> str:
        """The base of every REST path."""
        return self.url + ROOT

    async def start(self) -> None:
        """Listen; raises OSError if the port is taken."""
        app = web.Application(middlewares=[self._middleware], client_max_size=64 * 1024 * 1024)
        description = None if self._description is None else load_description(self._description)
        bot_api = BotApi(self.store, description, self.gateway)
        app.add_routes(bot_api.routes(ROOT))
        app.add_routes(InteractionApi(self.store, description).routes(ROOT))
        app.add_routes(Control(self).routes())
        app.router.add_get(ROOT + "/gateway-socket/", self.gateway.handle)
        app.router.add_get(ROOT + "/gateway-socket", self.gateway.handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        # 200 members at once are 200 new connections; with the usual backlog of 128 some would wait for a retry of 1 s.
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.gateway.url = f"ws://127.0.0.1:{self._port}{ROOT}/gateway-socket"
        self.store.cdn = self.url

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self.gateway.drop(1001)
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @web.middleware
    async def _middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Scripted failures, the bot token, refusals as JSON, and the list of calls."""
        request[PATH] = path = request.path.removeprefix(ROOT)
        request[BODY] = None
        if request.path.startswith("/_peer/") or "gateway-socket" in path:
            return await _refusing(handler, request)
        fault = next((f for f in self.faults if f.method in {"*", request.method} and f.path in path and f.times), None)
        if fault is None or fault.after:
            response = await _refusing(self._authorised(handler), request)
        if fault is not None:
            fault.times -= 1
            fault.hits.append(path)
            response = fault.answer()
        self._note(request, response)
        if fault is not None and fault.drop and request.transport is not None:
            request.transport.abort()
        return response

    def _authorised(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def checked(request: web.Request) -> web.StreamResponse:
            given = request.headers.get("Authorization")
            if not request.path.startswith(_PUBLIC) and given != f"Bot {self.store.token}":
                raise Refusal(401, 0, "401: Unauthorized")
            return await handler(request)

        return checked

    def _note(self, request: web.Request, response: web.StreamResponse) -> None:
        code = 0
        if response.status >= 400 and isinstance(response, web.Response):
            code = _code(response)
        self.store.calls.append(Call(request.method, request[PATH], response.status, code, request[BODY]))

    def fault(self, method: str, path: str, status: int = 500, **more: Any) -> Fault:
        """Script a failure: see `Fault`. `path` is any part of the path below the API's root."""
        fault = Fault(method, path, status, **more)
        self.faults.append(fault)
        return fault

    def add_member(self, name: str) -> int:
        """Another member of the guild; returns the id."""
        member_id = self.store.new_id()
        self.store.members[member_id] = name
        return member_id

    def add_role(self, name: str) -> int:
        """Another role of the guild; returns the id. Roles added before a client connects reach its cache."""
        role_id = self.store.new_id()
        self.store.roles[role_id] = name
        return role_id

    def advance(self, seconds: float) -> None:
        """Move the stand-in's clock on."""
        self.store.clock.advance(seconds)

    @property
    def refused(self) -> list[Call]:
        """Every call that was answered by an error, scripted ones included."""
        return [call for call in self.store.calls if call.status >= 400]

    async def until(self, true: Callable[[], bool], timeout_s: float = 5.0) -> None:
        """Wait until something is true of the stand-in; raises TimeoutError."""
        await self.store.until(true, timeout_s)

    async def until_connected(self, timeout_s: float = 10.0) -> None:
        """Wait until a client has its session."""
        await self.until(lambda: self.gateway.connected, timeout_s)

    async def interaction(
        self,
        command: str,
        options: dict[str, Any] | None = None,
        *,
        user_id: int | None = None,
        role_ids: tuple[int, ...] = (),
        permissions: int = payloads.USE_COMMANDS,
        channel_id: int | None = None,
        focused: str | None = None,
    ) -> Interaction:
        """A member uses a command (`"filter add"` for a subcommand) or, with `focused`, is still typing that option."""
        name, *path = command.split()
        known = [*self.store.commands.get(self.store.guild_id, []), *self.store.commands[None]]
        found = next(entry for entry in known if entry["name"] == name)
        data = payloads.command_data(self.store, found, path, options or {}, focused)
        return await self.push(
            2 if focused is None else 4,
            data,
            user_id=user_id,
            role_ids=role_ids,
            permissions=permissions,
            channel_id=channel_id,
        )

    async def press(self, message: Message, custom_id: str | None = None, *, user_id: int | None = None) -> Interaction:
        """A member presses a button of a message, the first one unless its id is given."""
        button = next(b for b in message.buttons if custom_id in {None, b["custom_id"]})
        data = {"custom_id": button["custom_id"], "component_type": 2, "id": button["id"]}
        return await self.push(3, data, user_id=user_id, channel_id=message.channel_id, on=message)

    async def push(
        self,
        kind: int,
        data: Json,
        *,
        user_id: int | None = None,
        role_ids: tuple[int, ...] = (),
        permissions: int = payloads.USE_COMMANDS,
        channel_id: int | None = None,
        on: Message | None = None,
        **changes: Any,
    ) -> Interaction:
        """Send INTERACTION_CREATE with this `data`; `changes` replace parts of the payload, None takes them out."""
        store = self.store
        user, channel = user_id or self.member_id, channel_id or store.channel_id
        record_id, token = store.new_id(), store.new_token()
        payload = payloads.interaction(
            store,
            record_id=record_id,
            token=token,
            kind=kind,
            data=data,
            user_id=user,
            role_ids=role_ids,
            permissions=permissions,
            channel_id=channel,
            on=on,
        )
        payload = {key: value for key, value in (payload | changes).items() if value is not None}
        handle = Interaction(record_id, token, kind, payload, store.clock(), time.perf_counter(), user, channel)
        handle.original = on
        store.interactions[record_id] = handle
        await self.gateway.dispatch("INTERACTION_CREATE", payload)
        return handle

    async def redeliver(self, handle: Interaction) -> None:
        """Send the same interaction again, as Discord may after a resumed connection."""
        await self.gateway.dispatch("INTERACTION_CREATE", handle.payload)

    async def acknowledged(self, handle: Interaction, timeout_s: float = 3.0) -> None:
        """Wait for the first response; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await handle.acknowledged.wait()


async def _refusing(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], request: web.Request
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.answer()


def _code(response: web.Response) -> int:
    """Discord's own error code of an answer; 0 for aiohttp's own errors, which are not JSON."""
    if response.content_type != "application/json" or not response.text:
        return 0
    return int(json.loads(response.text).get("code", 0))
