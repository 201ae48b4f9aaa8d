"""A small HTTP surface under /_peer/ for tests that run the front as another process, and for hands.

POST /_peer/interaction   {"command": "imagine", "options": {"prompt": "…"}, "user_id"?, "role_ids"?, "permissions"?,
                           "channel_id"?, "focused"?} → {"id", …}; waits for nothing
POST /_peer/press         {"message_id", "custom_id"?, "user_id"?} → {"id", …}
GET  /_peer/interactions/ID    what came back on it so far
GET  /_peer/messages[?channel_id=]    what everyone in the channel sees, with what it showed before
GET  /_peer/commands      the registered commands
GET  /_peer/calls         every REST call so far: method, path, status, code
GET  /_peer/state         ids, and whether a client is connected
POST /_peer/fault         {"method", "path", "status"?, "times"?, "code"?, "retry_after"?, "after"?, "drop"?}
POST /_peer/advance       {"seconds"}: moves the clock on
POST /_peer/drop          {"code"?}: closes every gateway connection
GET  /_peer/attachments/ID/NAME    an upload's bytes
"""

import json
from typing import TYPE_CHECKING

from aiohttp import web

from tests.peers.discord.refusal import Fault, Refusal, reply
from tests.peers.discord.state import Interaction, Json, Message, Upload

if TYPE_CHECKING:
    from tests.peers.discord.peer import DiscordPeer


class Control:
    """Handlers of /_peer/."""

    def __init__(self, peer: "DiscordPeer") -> None:
        self._peer = peer

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/_peer/interaction", self.interaction),
            web.post("/_peer/press", self.press),
            web.get(r"/_peer/interactions/{id:\d+}", self.look),
            web.get("/_peer/messages", self.messages),
            web.get("/_peer/commands", self.commands),
            web.get("/_peer/calls", self.calls),
            web.get("/_peer/state", self.state),
            web.post("/_peer/fault", self.fault),
            web.post("/_peer/advance", self.advance),
            web.post("/_peer/drop", self.drop),
            web.get(r"/_peer/attachments/{id:\d+}/{name}", self.attachment),
            web.get(r"/attachments/{channel:\d+}/{id:\d+}/{name}", self.attachment),
        ]

    async def interaction(self, request: web.Request) -> web.Response:
        wish = json.loads(await request.read())
        role_ids = tuple(int(role) for role in wish.get("role_ids", ()))
        ids = {key: int(wish[key]) for key in ("user_id", "permissions", "channel_id") if key in wish}
        handle = await self._peer.interaction(
            wish["command"], wish.get("options", {}), role_ids=role_ids, focused=wish.get("focused"), **ids
        )
        return reply(_seen(handle))

    async def press(self, request: web.Request) -> web.Response:
        wish = json.loads(await request.read())
        record = self._peer.store.messages[int(wish["message_id"])]
        user = {"user_id": int(wish["user_id"])} if "user_id" in wish else {}
        return reply(_seen(await self._peer.press(record, wish.get("custom_id"), **user)))

    async def look(self, request: web.Request) -> web.Response:
        handle = self._peer.store.interactions.get(int(request.match_info["id"]))
        if handle is None:
            raise Refusal(404, 0, "no such interaction")
        return reply(_seen(handle))

    async def messages(self, request: web.Request) -> web.Response:
        channel = int(request.query.get("channel_id", self._peer.store.channel_id))
        return reply([_message(record) for record in self._peer.store.in_channel(channel)])

    async def commands(self, _: web.Request) -> web.Response:
        return reply({str(scope or "global"): found for scope, found in self._peer.store.commands.items()})

    async def calls(self, _: web.Request) -> web.Response:
        calls = self._peer.store.calls
        return reply([{"method": c.method, "path": c.path, "status": c.status, "code": c.code} for c in calls])

    async def state(self, _: web.Request) -> web.Response:
        store = self._peer.store
        ids = {"guild_id": store.guild_id, "channel_id": store.channel_id, "thread_id": store.thread_id}
        return reply({"connected": self._peer.gateway.connected, "token": store.token, "now": store.clock()} | ids)

    async def fault(self, request: web.Request) -> web.Response:
        self._peer.faults.append(Fault(**json.loads(await request.read())))
        return reply({})

    async def advance(self, request: web.Request) -> web.Response:
        self._peer.store.clock.advance(json.loads(await request.read())["seconds"])
        return reply({"now": self._peer.store.clock()})

    async def drop(self, request: web.Request) -> web.Response:
        wish = json.loads(await request.read() or b"{}")
        await self._peer.gateway.drop(wish.get("code"))
        return reply({})

    async def attachment(self, request: web.Request) -> web.Response:
        wanted = int(request.match_info["id"])
        every = (upload for record in self._peer.store.messages.values() for upload in record.uploads)
        upload = next((upload for upload in every if upload.id == wanted), None)
        if upload is None:
            raise Refusal(404, 0, "no such attachment")
        return web.Response(body=upload.data, content_type=upload.content_type)


def _seen(handle: Interaction) -> Json:
    return {
        "id": str(handle.id),
        "acknowledged": handle.acknowledged.is_set(),
        "ack_ms": handle.ack_ms,
        "response_type": handle.response_type,
        "message": None if handle.message is None else _message(handle.message),
        "followups": [_message(record) for record in handle.followups],
        "choices": handle.choices,
    }


def _message(record: Message) -> Json:
    return {
        "id": str(record.id),
        "channel_id": str(record.channel_id),
        "interaction_id": None if record.interaction_id is None else str(record.interaction_id),
        "text": record.text,
        "thinking": record.loading,
        "ephemeral": record.ephemeral,
        "deleted": record.deleted,
        "shown": record.shown,
        "buttons": record.buttons,
        "pictures": [_upload(upload) for upload in record.pictures],
    }


def _upload(upload: Upload) -> Json:
    about = {"id": str(upload.id), "filename": upload.filename, "size": len(upload.data), "url": upload.url}
    return about | {"description": upload.description}
