"""The peer's own surface under /_peer/, for tests whose bot runs in another process and for use by hand.

POST /_peer/command      {"command": "/imagine", "text": "…", "user"?, "channel"?, "thread_ts"?} → {"ack_s": …}
POST /_peer/press        {"channel": "…", "ts": "…", "action_id": "…", "user"?} → {"ack_s": …}
GET  /_peer/messages     ?channel=C0ART: messages as they stand, with how often each was edited
GET  /_peer/ephemerals   what members alone were told
GET  /_peer/files/<id>   a file's bytes
POST /_peer/fail         {"method": "…", "count"?, "status"?, "error"?, "retry_after"?, "drop"?, "after"?}
POST /_peer/disconnect   {"how": "asked" | "cut"}
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.peers.slack.sockets import ACK_WITHIN_S, Delivery

if TYPE_CHECKING:  # the peer holds its control surface, so only the type comes from there
    from tests.peers.slack.peer import SlackPeer


class Control:
    """HTTP around the methods of `SlackPeer`."""

    def __init__(self, peer: "SlackPeer") -> None:
        self._peer = peer

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/_peer/command", self._command)
        app.router.add_post("/_peer/press", self._press)
        app.router.add_get("/_peer/messages", self._messages)
        app.router.add_get("/_peer/ephemerals", self._ephemerals)
        app.router.add_get("/_peer/files/{file_id}", self._file)
        app.router.add_post("/_peer/fail", self._fail)
        app.router.add_post("/_peer/disconnect", self._disconnect)

    async def _command(self, request: web.Request) -> web.Response:
        asked = await request.json()
        where = {key: asked[key] for key in ("user", "channel", "thread_ts", "trigger_id") if key in asked}
        return await _acknowledged(await self._peer.command(asked["command"], asked.get("text", ""), **where))

    async def _press(self, request: web.Request) -> web.Response:
        asked = await request.json()
        message = self._peer.space.message(asked["channel"], asked["ts"])
        if message is None or not any(b["action_id"] == asked["action_id"] for b in message.buttons):
            return web.json_response({"error": "no such button"}, status=404)
        user = asked.get("user", "U0ALICE")
        return await _acknowledged(await self._peer.press(message, asked["action_id"], user=user))

    async def _messages(self, request: web.Request) -> web.Response:
        channel = request.query.get("channel")
        found = [m for m in self._peer.space.messages if channel in {None, m.channel}]
        shown = [asdict(m) | {"words": m.words, "edits": len(m.history)} for m in found]
        return web.json_response({"messages": shown})

    async def _ephemerals(self, _: web.Request) -> web.Response:
        shown = [asdict(e) | {"words": e.words} for e in self._peer.space.ephemerals]
        return web.json_response({"ephemerals": shown})

    async def _file(self, request: web.Request) -> web.Response:
        file = self._peer.space.files.get(request.match_info["file_id"])
        if file is None or file.data is None:
            return web.json_response({"error": "no such file"}, status=404)
        return web.Response(body=file.data, headers={"X-File-Name": file.filename})

    async def _fail(self, request: web.Request) -> web.Response:
        asked: dict[str, Any] = await request.json()
        self._peer.fail(asked.pop("method"), **asked)
        return web.json_response({})

    async def _disconnect(self, request: web.Request) -> web.Response:
        if (await request.json()).get("how") == "cut":
            await self._peer.sockets.close_all()
        else:
            await self._peer.sockets.ask_to_reconnect()
        return web.json_response({})


async def _acknowledged(delivery: Delivery) -> web.Response:
    try:
        seconds: float | None = await delivery.until_acked(ACK_WITHIN_S)
    except TimeoutError:
        seconds = None
    return web.json_response({"envelope_id": delivery.envelope_id, "ack_s": seconds})
