"""A small front for the Slack adapter: everything `bot.services` promises, in memory.

It keeps requests, refuses what submit refuses by simple rules of its own, and writes down what the adapter asked of it.
The forbidden word is a nonsense word.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from bot.services import Actor, Reply, Services, Target
from generation import refusals
from generation.catalogue import Catalogue, ModelEntry, Openness, Permission
from generation.quota import Allowance, QuotaStatus, Scope
from generation.refusals import Accepted, Refused
from generation.request import Ask, GenerationParams, GenerationRequest, Requester
from moderation.verdict import Action

FORBIDDEN = "florp"
NOW = 1_795_000_000_000


class FakeDesk:
    """Answers moderators only, and keeps what it was asked as (method, arguments)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def _moderated(self, actor: Actor, method: str, *arguments: Any) -> Reply:
        if not actor.moderator:
            return Reply(("Only moderators can do this.",), ok=False)
        self.asked.append((method, arguments))
        return Reply((f"{method}: done.",))

    async def my_quota(self, requester: Requester) -> Reply:
        self.asked.append(("my_quota", (requester,)))
        return Reply(("36 of 40 left today.",))

    async def quota_show(self, actor: Actor, member: Target) -> Reply:
        return self._moderated(actor, "quota_show", member)

    async def quota_set(self, actor: Actor, scope: Scope, target: Target | None, amount: int | None) -> Reply:
        return self._moderated(actor, "quota_set", scope, target, amount)

    async def quota_grant(self, actor: Actor, member: Target, amount: int, reason: str) -> Reply:
        return self._moderated(actor, "quota_grant", member, amount, reason)

    async def filter_add(self, actor: Actor, keyword: str, effect: Action | None) -> Reply:
        return self._moderated(actor, "filter_add", keyword, effect)

    async def filter_remove(self, actor: Actor, keyword: str) -> Reply:
        return self._moderated(actor, "filter_remove", keyword)

    async def filter_list(self, actor: Actor) -> Reply:
        return self._moderated(actor, "filter_list")

    async def filter_test(self, actor: Actor, text: str) -> Reply:
        return self._moderated(actor, "filter_test", text)

    async def case_show(self, actor: Actor, case_id: str) -> Reply:
        return self._moderated(actor, "case_show", case_id)

    async def sanction_timeout(self, actor: Actor, member: Target, minutes: int, reason: str) -> Reply:
        return self._moderated(actor, "sanction_timeout", member, minutes, reason)

    async def sanction_ban(self, actor: Actor, member: Target, reason: str) -> Reply:
        return self._moderated(actor, "sanction_ban", member, reason)

    async def sanction_lift(self, actor: Actor, member: Target) -> Reply:
        return self._moderated(actor, "sanction_lift", member)


@dataclass
class Front:
    """`gate`, while it is clear, keeps submit waiting: a busy SQLite file."""

    desk: FakeDesk = field(default_factory=FakeDesk)
    asks: list[Ask] = field(default_factory=list)
    requests: dict[str, GenerationRequest] = field(default_factory=dict)
    attached: dict[str, str] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    now: int = NOW
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    breaks: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    def services(self) -> Services:
        return Services(
            catalogue=CATALOGUE,
            desk=self.desk,
            submit=self.submit,
            waiting_line=self.waiting_line,
            cancel=self.cancel,
            attach=self.attach,
            now=lambda: self.now,
        )

    async def submit(self, ask: Ask) -> Accepted | Refused:
        await self.gate.wait()
        self.asks.append(ask)
        if self.breaks:
            raise RuntimeError(f"a bug that has the prompt in its message: {ask.prompt}")
        if ask.id in self.requests:
            return Accepted(request=self.requests[ask.id], quota=QUOTA, duplicate=True)
        refusal = _refuse(ask)
        if refusal is not None:
            return Refused(refusal=refusal)
        self.requests[ask.id] = accepted_request(ask)
        return Accepted(request=self.requests[ask.id], quota=QUOTA)

    async def waiting_line(self, accepted: Accepted) -> str:
        return "Next in line, about 12 s."

    async def attach(self, request_id: str, placeholder_id: str) -> None:
        self.attached[request_id] = placeholder_id
        request = self.requests[request_id]
        self.requests[request_id] = replace(request, reply_to=replace(request.reply_to, placeholder_id=placeholder_id))

    async def cancel(self, request_id: str, requester: Requester) -> bool:
        request = self.requests.get(request_id)
        if request is None or request.requester.account != requester.account or request_id in self.cancelled:
            return False
        self.cancelled.append(request_id)
        return True

    @property
    def last(self) -> GenerationRequest:
        return list(self.requests.values())[-1]


def accepted_request(ask: Ask) -> GenerationRequest:
    return GenerationRequest(
        id=ask.id,
        requester=ask.requester,
        reply_to=ask.reply_to,
        model="tiny",
        pool="gpu",
        prompt=ask.prompt,
        params=GenerationParams(width=64, height=64, num_images=ask.count, seed=ask.seed or 0),
        created_at=ask.created_at,
    )


def _refuse(ask: Ask) -> refusals.Refusal | None:
    visible = "".join(c for c in ask.prompt if c.isprintable()).strip()
    checks: list[tuple[bool, refusals.Refusal]] = [
        (not visible, refusals.EmptyPrompt()),
        (len(ask.prompt) > 1000, refusals.PromptTooLong(len(ask.prompt), 1000)),
        (CATALOGUE.find(ask.model) is None, refusals.UnknownModel(ask.model or "", ("tiny",))),
        (ask.size not in {None, "64x64"}, refusals.BadSize(ask.size or "", "Tiny", ("64x64",))),
        (not 0 <= (ask.seed or 0) < 2**32, refusals.BadSeed(ask.seed or 0, 2**32 - 1)),
        (not 1 <= ask.count <= 4, refusals.BadCount(ask.count, 4)),
        (FORBIDDEN in ask.prompt, refusals.PromptRejected(FORBIDDEN, "4F2K")),
    ]
    return next((reason for applies, reason in checks if applies), None)


CATALOGUE = Catalogue(
    [
        ModelEntry(
            id="tiny",
            title="Tiny",
            maker="tests",
            backend="diffusers",
            openness=Openness.OPEN_SOURCE,
            licence="Apache-2.0",
            bot_use=Permission.YES,
            sizes=("64x64",),
            checked_at="2026-11-20",
        )
    ],
    ["tiny"],
)

QUOTA = QuotaStatus(
    daily=40, used=3, held=1, granted=0, resets_at=NOW + 3_600_000, source=Allowance(Scope.INSTALLATION, "", 40)
)
