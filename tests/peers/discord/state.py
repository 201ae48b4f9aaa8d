"""What the stand-in for Discord remembers: one server, its channels and members, messages, interactions, commands.

Owns the records and their ids and clock. It knows neither HTTP nor the gateway; `payloads` turns records into JSON.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

EPOCH_MS = 1_420_070_400_000  # the first second of 2015, from which Discord's ids count
FIRST_RESPONSE_MS = 3_000
TOKEN_LIFE_MS = 15 * 60 * 1000
EPHEMERAL = 1 << 6
LOADING = 1 << 7
COMPONENTS_V2 = 1 << 15

Json = dict[str, Any]


@dataclass
class Upload:
    """One uploaded file as it was received."""

    id: int
    filename: str
    data: bytes
    description: str | None = None
    content_type: str = "application/octet-stream"
    url: str = ""


@dataclass
class Message:
    """A message of the bot. `shown` holds a copy of the body after every change, the first at creation."""

    id: int
    channel_id: int
    created_ms: int
    body: Json = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)
    flags: int = 0
    nonce: str | None = None
    interaction_id: int | None = None
    only_for: int | None = None
    deleted: bool = False
    edits: int = 0
    shown: list[str] = field(default_factory=list)

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Whether members see “is thinking…”."""
        return bool(self.flags & LOADING)

    @property
    def text(self) -> str:
        """Every word a member sees in it, in order: content, text displays and button labels in brackets."""
        parts = [self.body.get("content") or ""]
        for part in walk(self.body.get("components") or []):
            if part["type"] == 10:
                parts.append(part["content"])
            elif part["type"] == 2:
                parts.append(f"[{part.get('label', '')}]")
            elif part["type"] == 12:
                parts.extend(f"<{item['media']['url'].rsplit('/', 1)[-1]}>" for item in part["items"])
        return "\n".join(part for part in parts if part)

    @property
    def pictures(self) -> list[Upload]:
        """The uploads that are shown, in the order in which they are shown."""
        galleries = [part for part in walk(self.body.get("components") or []) if part["type"] == 12]
        if not self.flags & COMPONENTS_V2:
            return list(self.uploads)
        ids = [item["media"].get("attachment_id") for part in galleries for item in part["items"]]
        by_id = {str(upload.id): upload for upload in self.uploads}
        return [by_id[key] for key in ids if key in by_id]

    @property
    def buttons(self) -> list[Json]:
        return [part for part in walk(self.body.get("components") or []) if part["type"] == 2]

    def remember(self) -> None:
        """Keep what a member sees now."""
        self.shown.append("is thinking…" if self.loading else self.text)


@dataclass
class Interaction:
    """One interaction as pushed, and everything that came back on it."""

    id: int
    token: str
    type: int
    payload: Json
    created_ms: int
    pushed_at: float
    user_id: int
    channel_id: int
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    response_type: int | None = None
    ack_ms: float | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    choices: list[Json] = field(default_factory=list)
    modal: Json | None = None

    @property
    def message(self) -> Message | None:
        """The original response as it is now; None before it came and after it was deleted."""
        return None if self.original is None or self.original.deleted else self.original

    @property
    def private(self) -> list[Message]:
        """Messages only the member sees."""
        every = [*([self.original] if self.original else []), *self.followups]
        return [message for message in every if message.ephemeral and not message.deleted]


@dataclass(frozen=True)
class Call:
    """One REST call as it was answered; `body` is the JSON part and `code` Discord's own error code."""

    method: str
    path: str
    status: int
    code: int = 0
    body: Any = None


class Clock:
    """The stand-in's time in ms; tests move it on instead of waiting."""

    def __init__(self) -> None:
        self._ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self._ahead_ms

    def advance(self, seconds: float) -> None:
        self._ahead_ms += round(seconds * 1000)


class Store:
    """Everything there is, with ids in Discord's form."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.clock = Clock()
        self._count = itertools.count(1)
        self.application_id = self.new_id()
        self.bot_id = self.application_id
        self.guild_id = self.new_id()
        self.channel_id = self.new_id()
        self.thread_id = self.new_id()
        self.roles: dict[int, str] = {self.guild_id: "@everyone"}
        self.members: dict[int, str] = {}
        self.commands: dict[int | None, list[Json]] = {None: []}
        self.messages: dict[int, Message] = {}
        self.interactions: dict[int, Interaction] = {}
        self.calls: list[Call] = []
        self.cdn = ""
        self.file_limit = 10 * 1024 * 1024
        self.request_limit = 25 * 1024 * 1024
        self.channels = {self.channel_id, self.thread_id}
        self.closed_channels: set[int] = set()

    def new_id(self) -> int:
        """A snowflake of now."""
        return ((self.clock() - EPOCH_MS) << 22) | (next(self._count) & 0x3FFFFF)

    def new_token(self) -> str:
        return "aW50ZXJhY3Rpb24" + secrets.token_urlsafe(60)

    def by_token(self, token: str) -> Interaction | None:
        return next((i for i in self.interactions.values() if secrets.compare_digest(i.token, token)), None)

    def in_channel(self, channel_id: int) -> list[Message]:
        """What everyone in a channel sees, oldest first."""
        found = (m for m in self.messages.values() if m.channel_id == channel_id)
        return sorted((m for m in found if not m.deleted and not m.ephemeral), key=lambda m: m.id)

    async def until(self, true: Callable[[], bool], timeout_s: float) -> None:
        """Wait until something is true, of the stand-in or of anything else; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not true():
                await asyncio.sleep(0.005)


def walk(components: list[Json]) -> list[Json]:
    """Every component, however deeply it is nested, in the order in which it is shown."""
    found = []
    for part in components:
        found.append(part)
        found.extend(walk(part.get("components") or []))
        if accessory := part.get("accessory"):
            found.extend(walk([accessory]))
    return found


def copied(body: Json) -> Json:
    """A body of one's own, which later edits do not reach."""
    return deepcopy(body)
