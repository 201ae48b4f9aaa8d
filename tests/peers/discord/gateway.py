"""The stand-in's gateway: HELLO, IDENTIFY, READY, GUILD_CREATE, heartbeats, RESUME with replay, and events.

Owns sockets and sessions. Sessions outlive their socket, as Discord's do: what is dispatched meanwhile is replayed.
"""

import asyncio
import contextlib
import json
import secrets
import zlib
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from tests.peers.discord import payloads
from tests.peers.discord.state import Json, Store

PRIVILEGED_INTENTS = 1 << 1 | 1 << 8 | 1 << 15


@dataclass
class Session:
    """One client's session: what it was sent, and the socket it is on, if any."""

    id: str
    shard: list[int]
    sent: list[str] = field(default_factory=list)
    socket: "Socket | None" = None

    @property
    def sequence(self) -> int:
        return len(self.sent)


class Socket:
    """One connection, compressed with one zlib context if the client asked for it."""

    def __init__(self, request: web.Request, response: web.WebSocketResponse, *, compressed: bool) -> None:
        self.request, self.response = request, response
        self.session: Session | None = None
        self._deflate = zlib.compressobj() if compressed else None

    async def send(self, text: str) -> None:
        if self.response.closed:
            return
        with contextlib.suppress(ConnectionError):  # the client is gone; its session keeps the event
            if self._deflate is None:
                await self.response.send_str(text)
            else:
                data = self._deflate.compress(text.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
                await self.response.send_bytes(data)

    async def send_op(self, op: int, data: object = None) -> None:
        await self.send(json.dumps({"op": op, "d": data, "s": None, "t": None}))


class Gateway:
    """All sessions. `refuse` closes that many connections before HELLO; `token_taken_back` fails the next IDENTIFY."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.sessions: dict[str, Session] = {}
        self.sockets: set[Socket] = set()
        self.refuse = 0
        self.token_taken_back = False
        self.connections = 0
        self.identified = 0
        self.resumed = 0
        self.intents = 0
        self.heartbeats = 0
        self.url = ""

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """The websocket endpoint."""
        response = web.WebSocketResponse()
        await response.prepare(request)
        self.connections += 1
        if self.refuse > 0:
            self.refuse -= 1
            await response.close(code=1011)
            return response
        socket = Socket(request, response, compressed=request.query.get("compress") == "zlib-stream")
        self.sockets.add(socket)
        try:
            await socket.send_op(10, {"heartbeat_interval": 41_250})
            async for frame in response:
                if frame.type is WSMsgType.TEXT:
                    await self._receive(socket, json.loads(frame.data))
        finally:
            self.sockets.discard(socket)
            if socket.session and socket.session.socket is socket:
                socket.session.socket = None
        return response

    async def _receive(self, socket: Socket, message: Json) -> None:
        match message["op"]:
            case 1:
                self.heartbeats += 1
                # No network answers at once; discord.py would take an acknowledgement that is there before its own
                # thread has noted the heartbeat for one that is 41 s late, and warn about it.
                await asyncio.sleep(0.02)
                await socket.send_op(11)
            case 2:
                await self._identify(socket, message["d"])
            case 6:
                await self._resume(socket, message["d"])
            case _:
                pass  # presence and voice updates change nothing here

    async def _identify(self, socket: Socket, data: Json) -> None:
        self.identified += 1
        self.intents = data["intents"]
        if data["token"] != self._store.token or self.token_taken_back:
            await socket.response.close(code=4004, message=b"Authentication failed.")
            return
        if data["intents"] & PRIVILEGED_INTENTS:
            await socket.response.close(code=4014, message=b"Disallowed intent(s).")
            return
        session = Session(secrets.token_hex(16), data.get("shard", [0, 1]), socket=socket)
        self.sessions[session.id] = session
        socket.session = session
        ready = {
            "v": 10,
            "user": payloads.user(self._store, self._store.bot_id),
            "guilds": [{"id": str(self._store.guild_id), "unavailable": True}],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self.url,
            "shard": session.shard,
            "application": {"id": str(self._store.application_id), "flags": 1 << 23},
        }
        await self._send(session, "READY", ready)
        await self._send(session, "GUILD_CREATE", payloads.guild(self._store))

    async def _resume(self, socket: Socket, data: Json) -> None:
        session = self.sessions.get(data["session_id"])
        if session is None or data["token"] != self._store.token:
            await socket.send_op(9, data=False)
            return
        self.resumed += 1
        session.socket = socket
        socket.session = session
        for text in session.sent[data["seq"] :]:
            await socket.send(text)
        await self._send(session, "RESUMED", {})

    async def _send(self, session: Session, event: str, data: object) -> None:
        text = json.dumps({"op": 0, "t": event, "s": session.sequence + 1, "d": data})
        session.sent.append(text)
        if session.socket is not None:
            await session.socket.send(text)

    async def dispatch(self, event: str, data: object) -> None:
        """Send an event to every session; those without a socket get it when they resume."""
        for session in self.sessions.values():
            await self._send(session, event, data)

    @property
    def connected(self) -> bool:
        """Whether a client is on a socket and has its session."""
        return any(socket.session for socket in self.sockets)

    async def drop(self, code: int | None = None) -> None:
        """Close every connection: with a close code, or (None) as if a cable were pulled."""
        for socket in list(self.sockets):
            transport = socket.request.transport
            if code is None and transport is not None:
                transport.abort()
            else:
                await socket.response.close(code=code or 4000)
        await asyncio.sleep(0)

    async def ask_to_reconnect(self) -> None:
        """Send RECONNECT, as Discord does before it restarts a gateway."""
        for socket in list(self.sockets):
            await socket.send_op(7)

    def forget_sessions(self) -> None:
        """Make every session unresumable."""
        self.sessions.clear()
