"""The terminal as a platform: the front's side of `tessera imagine`, on a Unix socket only its owner can open.

Owns the socket and its four routes: `GET /status`, `POST /imagine`, `GET /requests/<id>` (follow one that was asked
before) and `POST /cancel`. Whoever can open the socket is the operator, so there is one member here: the user this
front runs as. It must not know how a terminal looks.
"""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.services import Services
from bot.terminal import protocol
from bot.terminal.messenger import TerminalMessenger, Word
from bot.wording.refusals import refusal
from generation.refusals import Accepted, Refused
from generation.request import Ask, Platform, ReplyTo, Requester
from generation.result import TimelineEvent

WORKSPACE = "local"

Timeline = Callable[[str], Awaitable[tuple[TimelineEvent, ...]]]

_ENDINGS = frozenset({"delivered", "withheld", "failed", "cancelled", "held"})
# The last word is heard before the transaction that records it; this is how long a stream waits to read that too.
_RECORDED_S, _LOOK_S = 3.0, 0.01
# Streams whose readers are gone must not keep the front from stopping.
_CLOSE_S = 1.0


class TerminalAdapter:
    """Keeps `bot.services.Adapter`. `status` is what `GET /status` answers; `timeline` reads one request's."""

    platform = Platform.TERMINAL

    def __init__(
        self,
        *,
        socket: Path,
        pictures: Path,
        services: Services,
        status: Callable[[], Awaitable[dict[str, Any]]],
        timeline: Timeline,
    ) -> None:
        """Listen nowhere yet. `socket`'s folder must exist; `pictures` is made when there is one."""
        self._socket, self._services = socket, services
        self._status, self._timeline = status, timeline
        self.messenger = TerminalMessenger(pictures)
        self.ready = asyncio.Event()
        self._member = Requester(platform=Platform.TERMINAL, workspace_id=WORKSPACE, user_id=user_name())

    async def run(self) -> None:
        """Serve until cancelled."""
        # A handler whose reader went away is cancelled, or it would wait for ever for a request nobody follows.
        runner = web.AppRunner(self._app(), handler_cancellation=True, shutdown_timeout=_CLOSE_S, access_log=None)
        await runner.setup()
        try:
            await web.UnixSite(runner, str(self._socket)).start()
            self._socket.chmod(0o600)
            self.ready.set()
            await asyncio.Event().wait()
        finally:
            self.ready.clear()
            self.messenger.dismiss()
            await runner.cleanup()
            self._socket.unlink(missing_ok=True)

    def _app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/status", self._get_status),
                web.post("/imagine", self._imagine),
                web.get("/requests/{id}", self._follow),
                web.post("/cancel", self._cancel),
            ]
        )
        return app

    async def _get_status(self, _: web.Request) -> web.Response:
        return web.json_response(await self._status())

    async def _imagine(self, request: web.Request) -> web.StreamResponse:
        try:
            wish = protocol.read_wish(await request.read())
        except protocol.Garbled as error:
            return web.json_response({"error": str(error)}, status=400)
        with self.messenger.listen(wish.id) as queue:
            # Once begun, submitting is finished, also for a reader that goes away meanwhile.
            result = await asyncio.shield(asyncio.ensure_future(self._services.submit(self._ask(wish))))
            stream = await self._open(request)
            if isinstance(result, Refused):
                sentence = refusal(result.refusal, now=self._services.now(), zone=self._services.zone)
                await stream.write(protocol.encode(protocol.Refused(sentence=sentence)))
                return stream
            await self._say_accepted(stream, result)
            return await self._tell(stream, wish.id, queue)

    async def _say_accepted(self, stream: web.StreamResponse, accepted: Accepted) -> None:
        line = await self._services.waiting_line(accepted)
        await stream.write(protocol.encode(protocol.Accepted(request_id=accepted.request.id, line=line)))

    async def _follow(self, request: web.Request) -> web.StreamResponse:
        request_id = request.match_info["id"]
        if not protocol.REQUEST_ID.fullmatch(request_id) or not await self._timeline(request_id):
            return web.json_response({"error": "no such request"}, status=404)
        with self.messenger.listen(request_id) as queue:
            return await self._tell(await self._open(request), request_id, queue)

    async def _cancel(self, request: web.Request) -> web.Response:
        request_id = request.query.get("id", "")
        return web.json_response({"cancelled": await self._services.cancel(request_id, self._member)})

    async def _open(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await stream.prepare(request)
        return stream

    async def _tell(
        self, stream: web.StreamResponse, request_id: str, queue: asyncio.Queue[Word | None]
    ) -> web.StreamResponse:
        async for word in self.messenger.words(request_id, queue):
            if isinstance(word, protocol.Progress):
                await stream.write(protocol.encode(word))
                continue
            moments = await self._whole_timeline(request_id)
            if word.files:
                ending: protocol.Event = protocol.Done(
                    request_id=request_id, lines=word.lines, files=word.files, timeline=moments
                )
            else:
                ending = protocol.Failed(request_id=request_id, lines=word.lines, timeline=moments)
            await stream.write(protocol.encode(ending))
        return stream

    async def _whole_timeline(self, request_id: str) -> tuple[protocol.Moment, ...]:
        events = await self._timeline(request_id)
        try:
            async with asyncio.timeout(_RECORDED_S):
                while not any(event.name in _ENDINGS for event in events):
                    await asyncio.sleep(_LOOK_S)
                    events = await self._timeline(request_id)
        except TimeoutError:
            pass  # the file is written and said; only the record is late
        return tuple(protocol.Moment(name=event.name, at=event.at, detail=event.detail) for event in events)

    def _ask(self, wish: protocol.Wish) -> Ask:
        return Ask(
            id=wish.id,
            requester=self._member,
            reply_to=ReplyTo(platform=Platform.TERMINAL, channel_id=WORKSPACE),
            prompt=wish.prompt,
            model=wish.model,
            size=wish.size,
            seed=wish.seed,
            count=wish.count,
            created_at=self._services.now(),
        )


def user_name() -> str:
    """The operating system's name for the user we run as; a container may have users without one."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"
