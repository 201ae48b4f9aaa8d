"""What an adapter is given, and what an adapter is.

Owns `Services` (the front's capabilities as an adapter sees them), `Actor`, `Reply` and the `Adapter` protocol. Knows
no platform; `bot.compose` fills it in, tests fill it in by hand.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Protocol

from bot.messenger import Messenger
from generation.catalogue import Catalogue
from generation.quota import Scope
from generation.refusals import Accepted, Refused
from generation.request import Ask, Platform, Requester
from moderation.verdict import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who gives a moderator's command. `moderator` is the adapter's own fresh check with the platform."""

    requester: Requester
    moderator: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A plain-text answer to a command; the adapter escapes it and shows it to the asker only."""

    lines: tuple[str, ...]
    ok: bool = True

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a moderator's command is about; `label` is how the asker wrote or sees them (“@alice”)."""

    id: str
    label: str
    role_ids: tuple[str, ...] = ()


class Desk(Protocol):
    """The moderators' commands and a member's own quota, the same on every platform.

    Every method checks `actor.moderator` itself (but for `my_quota`) and answers a refusal as a `Reply` with
    `ok=False`; every change is audited with who, what and when.
    """

    async def my_quota(self, requester: Requester) -> Reply:
        """What the asker has used and has left."""

    async def quota_show(self, actor: Actor, member: Target) -> Reply:
        """What a member has used and has left, and why."""

    async def quota_set(self, actor: Actor, scope: Scope, target: Target | None, amount: int | None) -> Reply:
        """Set the pictures a day for the server, a role or a member; None takes the setting back."""

    async def quota_grant(self, actor: Actor, member: Target, amount: int, reason: str) -> Reply:
        """Give a member pictures on top, once."""

    async def filter_add(self, actor: Actor, keyword: str, effect: Action | None) -> Reply:
        """Add a keyword rule (AutoMod's syntax). `effect` is HOLD (also for None), REJECT, or ALLOW: the allow-list."""

    async def filter_remove(self, actor: Actor, keyword: str) -> Reply:
        """Take a keyword away, from rules or allow-list."""

    async def filter_list(self, actor: Actor) -> Reply:
        """The server's keywords and allow-list."""

    async def filter_test(self, actor: Actor, text: str) -> Reply:
        """What the rules would do with this text, and where they fire."""

    async def case_show(self, actor: Actor, case_id: str) -> Reply:
        """What is kept about a case of this workspace, a stopped prompt included; looking is audited as well."""

    async def sanction_timeout(self, actor: Actor, member: Target, minutes: int, reason: str) -> Reply:
        """Keep a member from asking for pictures for a while."""

    async def sanction_ban(self, actor: Actor, member: Target, reason: str) -> Reply:
        """Keep a member from asking for pictures until it is lifted."""

    async def sanction_lift(self, actor: Actor, member: Target) -> Reply:
        """End a member's timeout or ban."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What an adapter works with.

    `submit` takes an `Ask` to `Accepted | Refused` and never raises for bad input. `waiting_line` is the placeholder's
    first line for an accepted request ("Third in line, about 25 s."). `cancel` ends a member's own request and says
    whether there was one to end. `attach` tells which message became the placeholder, where that is known only after
    submitting. `now` is milliseconds since the epoch; `zone` is the one in which times are told.
    """

    catalogue: Catalogue
    desk: Desk
    submit: Callable[[Ask], Awaitable[Accepted | Refused]]
    waiting_line: Callable[[Accepted], Awaitable[str]]
    cancel: Callable[[str, Requester], Awaitable[bool]]
    attach: Callable[[str, str], Awaitable[None]]
    now: Callable[[], int]
    zone: tzinfo = UTC


class Adapter(Protocol):
    """One platform's side of the front: takes commands in, and owns the messenger that answers."""

    @property
    def platform(self) -> Platform:
        """Which platform it is."""

    @property
    def messenger(self) -> Messenger:
        """How its members are told; usable from construction on, it waits for the connection where it needs one."""

    @property
    def ready(self) -> asyncio.Event:
        """Set once commands can arrive."""

    async def run(self) -> None:
        """Serve until cancelled; reconnects by itself. Raises `AdapterRejected` if the platform refuses the tokens."""


class AdapterRejected(Exception):
    """The platform refuses the token or the configuration; the message says so in plain words, without the token."""
