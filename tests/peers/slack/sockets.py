"""Socket Mode: a websocket per ticket, envelopes out, acknowledgements in.

Slack wants each envelope acknowledged within three seconds; `Delivery.ack_s` says how long it took.
"""

import asyncio
import itertools
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

ACK_WITHIN_S = 3.0


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One envelope on its way. `ack_s` is None until it is acknowledged."""

    envelope_id: str
    payload: dict[str, Any]
    sent_at: float = field(default_factory=time.monotonic)
    ack_s: float | None = None
    ack_payload: Any = None
    acked: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_acked(self, timeout_s: float = ACK_WITHIN_S) -> float:
        """Wait for the acknowledgement and return the seconds it took; TimeoutError if Slack would have given up."""
        async with asyncio.timeout(timeout_s):
            await self.acked.wait()
        assert self.ack_s is not None
        return self.ack_s


class Sockets:
    """All sockets the app has open; envelopes go to the newest, as any of them may be chosen.

    `refusals` is how many of the next sockets are turned away, their tickets spent.
    """

    def __init__(self) -> None:
        self.open: list[web.WebSocketResponse] = []
        self.connections = 0
        self.refusals = 0
        self.deliveries: dict[str, Delivery] = {}
        self._tickets: set[str] = set()
        self._numbers = itertools.count(1)
        self._connected = asyncio.Condition()

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/link/", self._link)

    def new_ticket(self) -> str:
        ticket = f"ticket-{next(self._numbers)}"
        self._tickets.add(ticket)
        return ticket

    async def send(self, kind: str, payload: dict[str, Any], envelope_id: str | None = None) -> Delivery:
        """Send one envelope; a given id sends the same envelope again, as Slack does when it saw no answer."""
        await self.until_connections(1)
        delivery = Delivery(envelope_id=envelope_id or str(uuid.uuid4()), payload=payload)
        self.deliveries[delivery.envelope_id] = delivery
        envelope = {
            "envelope_id": delivery.envelope_id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        await self.open[-1].send_json(envelope)
        return delivery

    async def send_raw(self, text: str) -> None:
        """Send what is no envelope at all."""
        await self.until_connections(1)
        await self.open[-1].send_str(text)

    async def ask_to_reconnect(self) -> None:
        """What Slack does before it takes a server down."""
        await self.open[-1].send_json({"type": "disconnect", "reason": "refresh_requested"})

    async def close_all(self) -> None:
        for socket in list(self.open):
            await socket.close()

    async def until_connections(self, total: int, timeout_s: float = 15.0) -> None:
        """Wait until this many sockets were opened in all and one is open."""
        async with asyncio.timeout(timeout_s), self._connected:
            await self._connected.wait_for(lambda: self.connections >= total and bool(self.open))

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=408, text="this ticket is not, or no longer, good")
        self._tickets.remove(ticket)
        if self.refusals > 0:  # a ticket is good once, also where the server then has no room
            self.refusals -= 1
            return web.Response(status=503, text="no room")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": len(self.open) + 1})
        self.open.append(socket)
        self.connections += 1
        async with self._connected:
            self._connected.notify_all()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(json.loads(message.data))
        finally:
            self.open.remove(socket)
        return socket

    def _acknowledge(self, answer: dict[str, Any]) -> None:
        delivery = self.deliveries.get(str(answer.get("envelope_id")))
        if delivery is not None and not delivery.acked.is_set():
            delivery.ack_s = time.monotonic() - delivery.sent_at
            delivery.ack_payload = answer.get("payload")
            delivery.acked.set()
