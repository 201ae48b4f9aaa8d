"""The stand-in's endpoints that answer interactions: callbacks, and the webhook of an interaction's token.

Owns the lifetimes (3 s to the first response, 15 min for the token) and the rule of one acknowledgement.
"""

import time

from aiohttp import web

from tests.peers.discord import messages, payloads
from tests.peers.discord.bodies import for_schema, read_body
from tests.peers.discord.refusal import BODY, PATH, Refusal, invalid, reply
from tests.peers.discord.schema import Description
from tests.peers.discord.state import (
    EPHEMERAL,
    FIRST_RESPONSE_MS,
    TOKEN_LIFE_MS,
    Interaction,
    Json,
    Message,
    Store,
    Upload,
)

# Which callback types answer which interaction types.
ANSWERS = {2: {4, 5, 9, 12}, 3: {4, 5, 6, 7, 9, 12}, 4: {8}, 5: {4, 5, 6, 7, 12}}


class InteractionApi:
    """Handlers for calls that carry an interaction's token instead of the bot's."""

    def __init__(self, store: Store, description: Description | None) -> None:
        self._store, self._description = store, description

    def routes(self, root: str) -> list[web.RouteDef]:
        hook = root + r"/webhooks/{application:\d+}/{token}"
        one = hook + r"/messages/{message:@original|\d+}"
        return [
            web.post(root + r"/interactions/{interaction:\d+}/{token}/callback", self.callback),
            web.post(hook, self.follow_up),
            web.get(one, self.get),
            web.patch(one, self.edit),
            web.delete(one, self.delete),
        ]

    async def callback(self, request: web.Request) -> web.Response:
        interaction = self._store.interactions.get(int(request.match_info["interaction"]))
        if interaction is None or interaction.token != request.match_info["token"]:
            raise Refusal(404, 10062, "Unknown interaction")
        body, files = await read_body(request, self._store)
        request[BODY] = body
        self._check("POST", request, for_schema(body))
        if interaction.response_type is not None:
            raise Refusal(400, 40060, "Interaction has already been acknowledged.")
        if self._store.clock() - interaction.created_ms > FIRST_RESPONSE_MS:
            raise Refusal(404, 10062, "Unknown interaction")
        if body.get("type") not in ANSWERS[interaction.type]:
            raise invalid("type: not a valid response to this kind of interaction.")
        self._answer(interaction, body, files)
        interaction.response_type = body["type"]
        interaction.ack_ms = (time.perf_counter() - interaction.pushed_at) * 1000
        interaction.acknowledged.set()
        if request.query.get("with_response") in {"1", "true"}:
            return reply(payloads.callback(interaction, self._store))
        return web.Response(status=204)

    def _answer(self, interaction: Interaction, body: Json, files: dict[int, Upload]) -> None:
        data = body.get("data") or {}
        match body["type"]:
            case 4:
                interaction.original = messages.create(self._store, data, files, self._new(interaction))
                self._address(interaction.original, interaction)
            case 5:
                interaction.original = messages.defer(self._store, self._new(interaction), data.get("flags") or 0)
                self._address(interaction.original, interaction)
            case 7 if interaction.original:
                messages.edit(self._store, data, files, interaction.original)
            case 8:
                interaction.choices = data.get("choices") or []
                if len(interaction.choices) > 25:
                    raise invalid("choices: Must be 25 or fewer in length.")
            case 9:
                interaction.modal = data

    def _new(self, interaction: Interaction) -> Message:
        return Message(self._store.new_id(), interaction.channel_id, self._store.clock(), interaction_id=interaction.id)

    def _address(self, record: Message, interaction: Interaction) -> None:
        record.only_for = interaction.user_id if record.flags & EPHEMERAL else None

    def _by_token(self, request: web.Request) -> Interaction:
        interaction = self._store.by_token(request.match_info["token"])
        if interaction is None or int(request.match_info["application"]) != self._store.application_id:
            raise Refusal(404, 10015, "Unknown Webhook")
        if self._store.clock() - interaction.created_ms > TOKEN_LIFE_MS:
            raise Refusal(401, 50027, "Invalid Webhook Token")
        if interaction.response_type is None:
            raise Refusal(404, 10015, "Unknown Webhook")
        return interaction

    def _one(self, request: web.Request) -> Message:
        interaction = self._by_token(request)
        which = request.match_info["message"]
        own = [interaction.original, *interaction.followups]
        record = own[0] if which == "@original" else next((m for m in own if m and str(m.id) == which), None)
        if record is None or record.deleted:
            raise Refusal(404, 10008, "Unknown Message")
        return record

    async def follow_up(self, request: web.Request) -> web.Response:
        interaction = self._by_token(request)
        body, files = await read_body(request, self._store)
        request[BODY] = body
        self._check("POST", request, for_schema(body))
        if interaction.message is not None and interaction.message.loading:
            # Documented: right after a deferral this edits the loading message and ignores the ephemeral flag.
            record = messages.edit(self._store, body, files, interaction.message)
        else:
            record = messages.create(self._store, body, files, self._new(interaction))
            self._address(record, interaction)
            interaction.followups.append(record)
        return reply(payloads.message(self._store, record))

    async def get(self, request: web.Request) -> web.Response:
        return reply(payloads.message(self._store, self._one(request)))

    async def edit(self, request: web.Request) -> web.Response:
        record = self._one(request)
        body, files = await read_body(request, self._store)
        request[BODY] = body
        self._check("PATCH", request, for_schema(body))
        messages.edit(self._store, body, files, record)
        return reply(payloads.message(self._store, record))

    async def delete(self, request: web.Request) -> web.Response:
        self._one(request).deleted = True
        return web.Response(status=204)

    def _check(self, method: str, request: web.Request, body: object) -> None:
        if self._description is not None:
            self._description.check(method, request[PATH], body)
