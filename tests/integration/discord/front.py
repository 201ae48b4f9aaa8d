"""A front without SQLite for the adapter to work with: it remembers what it was asked and answers as told.

The adapter's counterpart is a protocol (`bot.services`); these classes keep it, so that what is tested here is the
adapter alone. The real desk and submit have their own tests.
"""

import asyncio
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.messenger import Message, Picture, Receipt
from bot.services import Actor, Desk, Reply, Services, Target
from generation.catalogue import Catalogue, ModelEntry
from generation.quota import Allowance, QuotaStatus, Scope
from generation.refusals import Accepted, Refusal, Refused
from generation.request import Ask, GenerationParams, GenerationRequest, Requester
from moderation.verdict import Action
from tests.peers.discord import DiscordPeer

# A whole PNG of one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000"
    "0500010d0a2db40000000049454e44ae426082"
)


def entry(number: int, title: str, *sizes: str) -> ModelEntry:
    return ModelEntry.model_validate(
        {
            "id": f"model-{number}",
            "title": title,
            "maker": "Nobody",
            "backend": "diffusers",
            "openness": "open_source",
            "licence": "Apache-2.0",
            "bot_use": "yes",
            "sizes": sizes or ("512x512", "768x512"),
            "checked_at": "2026-11-20",
        }
    )


def catalogue() -> Catalogue:
    """Forty models, more than Discord shows at once."""
    entries = [entry(number, f"Brush {number}") for number in range(39)] + [entry(39, "Zeppelin XL", "1024x1024")]
    return Catalogue(entries, [found.id for found in entries])


class RecordingDesk(Desk):
    """Answers every command with `reply` and remembers who asked for what."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        self.reply = Reply(("Done.",))
        self.error: Exception | None = None

    async def _note(self, name: str, *given: object) -> Reply:
        self.calls.append((name, given))
        if self.error is not None:
            raise self.error
        return self.reply

    async def my_quota(self, requester: Requester) -> Reply:
        return await self._note("my_quota", requester)

    async def quota_show(self, actor: Actor, member: Target) -> Reply:
        return await self._note("quota_show", actor, member)

    async def quota_set(self, actor: Actor, scope: Scope, target: Target | None, amount: int | None) -> Reply:
        return await self._note("quota_set", actor, scope, target, amount)

    async def quota_grant(self, actor: Actor, member: Target, amount: int, reason: str) -> Reply:
        return await self._note("quota_grant", actor, member, amount, reason)

    async def filter_add(self, actor: Actor, keyword: str, effect: Action | None) -> Reply:
        return await self._note("filter_add", actor, keyword, effect)

    async def filter_remove(self, actor: Actor, keyword: str) -> Reply:
        return await self._note("filter_remove", actor, keyword)

    async def filter_list(self, actor: Actor) -> Reply:
        return await self._note("filter_list", actor)

    async def filter_test(self, actor: Actor, text: str) -> Reply:
        return await self._note("filter_test", actor, text)

    async def case_show(self, actor: Actor, case_id: str) -> Reply:
        return await self._note("case_show", actor, case_id)

    async def sanction_timeout(self, actor: Actor, member: Target, minutes: int, reason: str) -> Reply:
        return await self._note("sanction_timeout", actor, member, minutes, reason)

    async def sanction_ban(self, actor: Actor, member: Target, reason: str) -> Reply:
        return await self._note("sanction_ban", actor, member, reason)

    async def sanction_lift(self, actor: Actor, member: Target) -> Reply:
        return await self._note("sanction_lift", actor, member)


class Front:
    """What the adapter submits to. `refusal` or `error`, once set, answer instead of acceptance."""

    def __init__(self, peer: DiscordPeer) -> None:
        self.peer = peer
        self.desk = RecordingDesk()
        self.asks: list[Ask] = []
        self.requests: dict[str, GenerationRequest] = {}
        self.refusal: Refusal | None = None
        self.error: Exception | None = None
        self.line = "Next in line, about 3 s."
        self.cancelled: list[tuple[str, Requester]] = []
        self.cancellable = True
        self.submitting = asyncio.Event()
        self.submitting.set()

    @property
    def services(self) -> Services:
        return Services(
            catalogue=catalogue(),
            desk=self.desk,
            submit=self.submit,
            waiting_line=self.waiting_line,
            cancel=self.cancel,
            attach=self.attach,
            now=self.peer.store.clock,
        )

    async def submit(self, ask: Ask) -> Accepted | Refused:
        await self.submitting.wait()
        self.asks.append(ask)
        if self.error is not None:
            raise self.error
        if self.refusal is not None:
            return Refused(refusal=self.refusal)
        duplicate = ask.id in self.requests
        request = self.requests.setdefault(ask.id, request_for(ask))
        return Accepted(request=request, quota=QUOTA, duplicate=duplicate)

    async def waiting_line(self, accepted: Accepted) -> str:
        return self.line

    async def cancel(self, request_id: str, requester: Requester) -> bool:
        self.cancelled.append((request_id, requester))
        return self.cancellable

    async def attach(self, request_id: str, message_id: str) -> None:
        raise AssertionError("the adapter knows the placeholder before it submits")


QUOTA = QuotaStatus(
    daily=40, used=3, held=1, granted=0, resets_at=1_795_000_000_000, source=Allowance(Scope.SERVER, "", 40)
)


def request_for(ask: Ask) -> GenerationRequest:
    return GenerationRequest(
        id=ask.id,
        requester=ask.requester,
        reply_to=ask.reply_to,
        model="model-0",
        pool="gpu",
        prompt=ask.prompt,
        params=GenerationParams(width=512, height=512, num_images=ask.count, seed=ask.seed or 7),
        created_at=ask.created_at,
    )


@dataclass
class Notes:
    """The durable marks of one delivery, as `bot.delivery` keeps them."""

    marks: dict[str, str] = field(default_factory=dict)
    attempts: int = 0

    def receipt(self) -> Receipt:
        """The receipt of the next attempt."""
        self.attempts += 1
        return Receipt(attempt=self.attempts, marks=dict(self.marks), note=self._note)

    async def _note(self, marks: Mapping[str, str]) -> None:
        self.marks.update(marks)


CAPTION = (
    "Brush 0 · open source, Apache-2.0 · made here, nobody else saw the prompt · seed 7 · 3.2 s · 36 of 40 left today"
)


def pictures(count: int = 1, *, data: bytes = PNG, spoiler: bool = False) -> tuple[Picture, ...]:
    return tuple(
        Picture(
            f"tessera-0a1b2c3d4e5f-{place + 1}.png", data, "image/png", "Generated by Brush 0 from: a boat", spoiler
        )
        for place in range(count)
    )


def result(request: GenerationRequest, count: int = 1, **changes: object) -> Message:
    """The message of a finished request."""
    message = Message(lines=(CAPTION,), prompt=request.prompt, pictures=pictures(count))
    return dataclasses.replace(message, **changes)  # type: ignore[arg-type]  # a test names fields that are there
