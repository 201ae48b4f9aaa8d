"""What a Slack workspace holds: people, conversations, messages and files, and the log of calls made to it.

Owns the nouns and the bookkeeping; it must not know HTTP. Everything a test looks at is a plain attribute here.
"""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

BOT_SCOPES = frozenset({"commands", "chat:write", "files:read", "files:write", "users:read", "usergroups:read"})
"""What the manifest in docs/slack-manifest.yaml asks for."""


@dataclass(slots=True, kw_only=True)
class User:
    id: str
    name: str
    is_admin: bool = False
    is_owner: bool = False
    is_primary_owner: bool = False
    is_restricted: bool = False
    deleted: bool = False


@dataclass(slots=True, kw_only=True)
class UserGroup:
    id: str
    handle: str
    users: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Channel:
    """A conversation. `bot_is_in` says whether the bot may post; a private one it is not in is not even found."""

    id: str
    name: str
    bot_is_in: bool = True
    private: bool = False
    archived: bool = False


@dataclass(slots=True, kw_only=True)
class Message:
    """A message as it stands. `history` holds what it said before, oldest first, as (text, blocks)."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    file_ids: list[str] = field(default_factory=list)
    history: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)

    @property
    def words(self) -> str:
        """All text in the blocks, in order, else the text: what a reader sees."""
        return "\n".join(texts_in(self.blocks)) or self.text

    @property
    def buttons(self) -> list[dict[str, Any]]:
        return [e for b in self.blocks if b["type"] == "actions" for e in b["elements"] if e["type"] == "button"]


@dataclass(slots=True, kw_only=True)
class Ephemeral:
    """A message that only `user` saw; `via` is `api` or `response_url`."""

    channel: str
    user: str
    text: str
    blocks: list[dict[str, Any]]
    via: str
    thread_ts: str | None = None

    @property
    def words(self) -> str:
        return "\n".join(texts_in(self.blocks)) or self.text


@dataclass(slots=True, kw_only=True)
class StoredFile:
    """A file. It exists for others only once `completed`; `data` is None until the bytes were posted."""

    id: str
    filename: str
    length: int
    alt_text: str = ""
    data: bytes | None = None
    completed: bool = False
    channel: str | None = None
    ts: str | None = None
    unseen_looks: int = 0


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of the Web API: its arguments, and what it was answered."""

    method: str
    arguments: dict[str, Any]
    status: int = 200
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Fault:
    """What to do with the next `count` calls of a method instead of answering them.

    `status` 429 and 5xx are answered as such; `error` is answered as Slack does (200, ok false); `drop` closes the
    connection. `after` lets the call take effect first: the caller cannot know that it did. `delay_s` answers late, and
    as if nothing were wrong unless something else is asked for.
    """

    method: str
    count: int = 1
    status: int = 200
    error: str | None = None
    retry_after: int = 1
    drop: bool = False
    after: bool = False
    delay_s: float = 0.0

    @property
    def only_late(self) -> bool:
        return bool(self.delay_s) and self.status == 200 and self.error is None and not self.drop


@dataclass(slots=True)
class Clock:
    """The peer's time in seconds; a test moves it to let something grow old."""

    now: float = 1_800_000_000.0


class Workspace:
    """One workspace with a bot in it."""

    def __init__(self) -> None:
        self.team_id, self.bot_user_id, self.bot_id = "T0PEER", "U0BOT", "B0BOT"
        self.bot_token, self.app_token, self.signing_secret = "xoxb-peer-1", "xapp-peer-1", "peer-signing-secret"
        self.scopes = set(BOT_SCOPES)
        self.clock = Clock()
        self.users = {user.id: user for user in _people()}
        self.groups = {"S0DESIGN": UserGroup(id="S0DESIGN", handle="designers", users=["U0ALICE"])}
        self.channels = {channel.id: channel for channel in _conversations()}
        self.messages: list[Message] = []
        self.ephemerals: list[Ephemeral] = []
        self.files: dict[str, StoredFile] = {}
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.share_lag = 0
        self._numbers = itertools.count(1)

    def number(self) -> int:
        return next(self._numbers)

    def new_ts(self) -> str:
        return f"{int(self.clock.now)}.{self.number():06d}"

    def message(self, channel: str, ts: str) -> Message | None:
        return next((m for m in self.messages if (m.channel, m.ts) == (channel, ts)), None)

    def take_fault(self, method: str) -> Fault | None:
        """The fault that is due for this call, used up by one."""
        fault = next((f for f in self.faults if f.method == method and f.count > 0), None)
        if fault is not None:
            fault.count -= 1
        return fault

    async def until(self, condition: Callable[[], Any], timeout_s: float = 5.0) -> Any:
        """Wait until the condition holds and return its value; TimeoutError if it does not in time."""
        async with asyncio.timeout(timeout_s):
            while not (value := condition()):
                await asyncio.sleep(0.005)
        return value


def texts_in(blocks: list[dict[str, Any]]) -> list[str]:
    """Every text in blocks but for the buttons' labels."""
    found: list[str] = []
    for block in blocks:
        if block["type"] == "section":
            found.append(block["text"]["text"])
        elif block["type"] == "context":
            found.extend(element["text"] for element in block["elements"])
    return found


def _people() -> list[User]:
    return [
        User(id="U0ALICE", name="alice"),
        User(id="U0BOB", name="bob"),
        User(id="U0ADMIN", name="ada", is_admin=True),
        User(id="U0OWNER", name="olga", is_owner=True, is_primary_owner=True),
        User(id="U0GUEST", name="gus", is_restricted=True),
    ]


def _conversations() -> list[Channel]:
    return [
        Channel(id="C0GENERAL", name="general"),
        Channel(id="C0ART", name="art"),
        Channel(id="C0STRANGE", name="strange", bot_is_in=False),
        Channel(id="C0SECRET", name="secret", bot_is_in=False, private=True),
        Channel(id="C0OLD", name="old", archived=True),
        Channel(id="D0ALICE", name="alice", private=True),
    ]
