"""The stand-in's REST endpoints for the bot itself: who am I, gateway, commands, channel messages."""

import json

from aiohttp import web

from tests.peers.discord import messages, payloads
from tests.peers.discord.bodies import for_schema, read_body
from tests.peers.discord.command_checks import check_commands
from tests.peers.discord.gateway import Gateway
from tests.peers.discord.refusal import BODY, PATH, Refusal, reply
from tests.peers.discord.schema import Description
from tests.peers.discord.state import Json, Message, Store


class BotApi:
    """Handlers for calls that carry the bot's token."""

    def __init__(self, store: Store, description: Description | None, gateway: Gateway) -> None:
        self._store, self._description, self._gateway = store, description, gateway

    def routes(self, root: str) -> list[web.RouteDef]:
        channel = root + r"/channels/{channel:\d+}/messages"
        app = root + r"/applications/{application:\d+}"
        return [
            web.get(root + "/users/@me", self.me),
            web.get(root + "/oauth2/applications/@me", self.application),
            web.get(root + "/gateway/bot", self.gateway),
            web.get(app + "/commands", self.commands),
            web.put(app + "/commands", self.put_commands),
            web.get(app + r"/guilds/{guild:\d+}/commands", self.commands),
            web.put(app + r"/guilds/{guild:\d+}/commands", self.put_commands),
            web.get(channel, self.history),
            web.post(channel, self.send),
            web.get(channel + r"/{message:\d+}", self.message),
            web.patch(channel + r"/{message:\d+}", self.edit),
            web.delete(channel + r"/{message:\d+}", self.delete),
        ]

    async def me(self, _: web.Request) -> web.Response:
        return reply(payloads.user(self._store, self._store.bot_id) | {"verified": True, "mfa_enabled": True})

    async def application(self, _: web.Request) -> web.Response:
        app_id = str(self._store.application_id)
        return reply(
            {
                "id": app_id,
                "name": "tessera",
                "icon": None,
                "description": "",
                "bot_public": True,
                "bot_require_code_grant": False,
                "verify_key": "0" * 64,
                "flags": 1 << 23,
                "owner": payloads.user(self._store, 1),
                "team": None,
                "rpc_origins": [],
                "redirect_uris": [],
                "interactions_endpoint_url": None,
                "role_connections_verification_url": None,
                "integration_types_config": {"0": {}},
            }
        )

    async def gateway(self, _: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
        return reply({"url": self._gateway.url, "shards": 1, "session_start_limit": limit})

    def _scope(self, request: web.Request) -> int | None:
        if int(request.match_info["application"]) != self._store.application_id:
            raise Refusal(403, 50001, "Missing Access")
        guild = request.match_info.get("guild")
        if guild is not None and int(guild) != self._store.guild_id:
            raise Refusal(403, 50001, "Missing Access")
        return None if guild is None else int(guild)

    async def commands(self, request: web.Request) -> web.Response:
        return reply(self._store.commands.get(self._scope(request), []))

    async def put_commands(self, request: web.Request) -> web.Response:
        scope = self._scope(request)
        commands = json.loads(await request.read())
        self._check("PUT", request, commands)
        check_commands(commands)
        old = {command["name"]: command for command in self._store.commands.get(scope, [])}
        self._store.commands[scope] = [self._registered(command, old.get(command["name"])) for command in commands]
        request[BODY] = commands
        return reply(self._store.commands[scope])

    def _registered(self, command: Json, old: Json | None) -> Json:
        """A command as Discord gives it back: ids and defaults filled in, false flags of options left out."""
        permissions = command.get("default_member_permissions")
        return {
            "type": 1,
            "nsfw": False,
            **command,
            "id": old["id"] if old else str(self._store.new_id()),
            "application_id": str(self._store.application_id),
            "version": str(self._store.new_id()),
            "default_permission": True,
            "default_member_permissions": None if permissions is None else str(permissions),
            "name_localizations": None,
            "description_localizations": None,
            "options": [_returned(option) for option in command.get("options") or []],
        }

    def _channel(self, request: web.Request) -> int:
        channel = int(request.match_info["channel"])
        if channel not in self._store.channels:
            raise Refusal(404, 10003, "Unknown Channel")
        if channel in self._store.closed_channels:
            raise Refusal(403, 50001, "Missing Access")
        return channel

    async def send(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        body, files = await read_body(request, self._store)
        request[BODY] = body
        self._check("POST", request, for_schema(body))
        known = messages.same_nonce(self._store, channel, body)
        record = known or messages.create(
            self._store, body, files, Message(self._store.new_id(), channel, self._store.clock())
        )
        return reply(payloads.message(self._store, record))

    async def history(self, request: web.Request) -> web.Response:
        found = self._store.in_channel(self._channel(request))
        limit = int(request.query.get("limit", "50"))
        if "after" in request.query:
            found = [m for m in found if m.id > int(request.query["after"])][:limit]
        if "before" in request.query:
            found = [m for m in found if m.id < int(request.query["before"])]
        return reply([payloads.message(self._store, m) for m in reversed(found[-limit:])])

    def _own(self, request: web.Request) -> Message:
        record = messages.find(self._store, int(request.match_info["message"]), self._channel(request))
        if record.ephemeral:
            raise Refusal(404, 10008, "Unknown Message")
        return record

    async def message(self, request: web.Request) -> web.Response:
        return reply(payloads.message(self._store, self._own(request)))

    async def edit(self, request: web.Request) -> web.Response:
        record = self._own(request)
        body, files = await read_body(request, self._store)
        request[BODY] = body
        self._check("PATCH", request, for_schema(body))
        messages.edit(self._store, body, files, record)
        return reply(payloads.message(self._store, record))

    async def delete(self, request: web.Request) -> web.Response:
        self._own(request).deleted = True
        return web.Response(status=204)

    def _check(self, method: str, request: web.Request, body: object) -> None:
        if self._description is not None:
            self._description.check(method, request[PATH], body)


def _returned(option: Json) -> Json:
    kept = {key: value for key, value in option.items() if value is not None and value is not False and value != []}
    if "options" in kept:
        kept["options"] = [_returned(child) for child in kept["options"]]
    return kept
