"""Telling the member how a request ended: once, whatever is killed or retried.

Owns the delivery loop, the last check on the bytes, and the settling of the quota, which happens in the transaction
that records that the member was told. It knows platforms only as `Messenger`s. A message is begun (counted in SQLite)
before it is tried; a second attempt is told so and looks before it sends.
"""

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from sqlite_utils import Database as SqliteDatabase

from bot.messenger import Message, Messenger, Picture, Receipt, TryAgain, Undeliverable
from bot.wording import results
from generation import estimate, journal
from generation.artifacts import ArtifactMissing, ArtifactStore
from generation.bell import Bell
from generation.catalogue import Catalogue
from generation.database import Database
from generation.journal import Due, Entry, State
from generation.ledger import Ledger
from generation.outcomes import passing
from generation.request import Platform
from generation.result import FailureKind, ProducedImage
from moderation.audit import SYSTEM, AuditAction, AuditEntry
from moderation.audit import record as record_audit
from moderation.verdict import Action

log = logging.getLogger(__name__)

# For each platform by itself, so that one that is away and waited for keeps no other's members waiting.
_AT_ONCE = 8
_IDLE_S = 0.5
# How long what is being said may take when the front stops; `bot.supervise` grants the front some more than that.
_LAST_WORDS_S = 8.0
_BROKEN_PAUSE_S, _OFF_PAUSE_S = 30.0, 60.0
_LONGEST_PAUSE_S, _DOUBLINGS = 300.0, 10
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


class NotShowable(Exception):
    """A picture's bytes are gone or are not the ones a passing verdict is stored for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long a held picture waits (ms), and how long telling is tried before it is given up (ms)."""

    hold_ms: int
    give_up_ms: int


class Delivery:
    """Tells members, several at a time, each request by one task."""

    def __init__(
        self,
        *,
        database: Database,
        store: ArtifactStore,
        catalogue: Catalogue,
        ledger: Ledger,
        messengers: Mapping[Platform, Messenger],
        terms: Terms,
        hush: Callable[[str], Awaitable[None]],
        now: Callable[[], int],
    ) -> None:
        """Take what it reads, whom it tells through, what stops the passing lines of a request, and a clock in ms."""
        self._database, self._store, self._catalogue = database, store, catalogue
        self._ledger, self._messengers = ledger, messengers
        self._terms, self._hush, self._now = terms, hush, now
        self._bell = Bell()
        self._telling: dict[str, asyncio.Task[None]] = {}
        self._busy: Counter[Platform] = Counter()

    def wake(self) -> None:
        """Look at once; called after a transaction that gave somebody something to be told."""
        self._bell.ring()

    async def run(self) -> None:
        """Tell until cancelled; what is being said then is finished first."""
        try:
            while True:
                self._bell.mute()
                await self._start_due()
                await self._bell.listen(_IDLE_S)
        finally:
            if self._telling:
                await asyncio.wait(self._telling.values(), timeout=_LAST_WORDS_S)

    async def _start_due(self) -> None:
        for due in await self._database.read(lambda db: journal.due(db, self._now())):
            request_id, platform = due.entry.request.id, due.entry.request.reply_to.platform
            if request_id not in self._telling and self._busy[platform] < _AT_ONCE:
                task = asyncio.create_task(self._tell_and_log(due), name=f"tell {request_id}")
                self._telling[request_id] = task
                self._busy[platform] += 1
                task.add_done_callback(partial(self._done, request_id, platform))

    def _done(self, request_id: str, platform: Platform, _: asyncio.Task[None]) -> None:
        if self._busy[platform] == _AT_ONCE:
            self.wake()
        del self._telling[request_id]
        self._busy[platform] -= 1

    async def _tell_and_log(self, due: Due) -> None:
        request_id = due.entry.request.id
        try:
            await self.tell(due)
        except Exception:  # the boundary between one request and all others: one that breaks must not stop the rest
            log.exception("telling of request %s broke", request_id)
            await self._not_now(due, "it broke", _BROKEN_PAUSE_S)

    async def tell(self, due: Due) -> None:
        """Try one message now and record what came of it."""
        entry = due.entry
        ending = entry.ending or State.FAILED
        messenger = self._messengers.get(entry.request.reply_to.platform)
        if messenger is None:
            await self._not_now(due, "its platform is not switched on", _OFF_PAUSE_S)
            return
        try:
            message = await self._message(entry, ending)
        except NotShowable as error:
            log.warning("request %s is held back: %s", entry.request.id, error)
            await self._hold_back(entry, ending)
            return
        except OSError as error:
            await self._unreadable(due, error)
            return
        await self._hush(entry.request.id)
        await self._database.write(lambda db: journal.begin_telling(db, entry.request.id, ending))
        receipt = Receipt(attempt=due.attempt, marks=due.marks, note=self._noter(entry, ending))
        try:
            message_id = await messenger.deliver(entry.request, message, receipt)
        except TryAgain as error:
            await self._not_now(due, str(error), error.after_s)
        except Undeliverable as error:
            if message.pictures and not error.told:
                await self._in_words(entry, ending, str(error))
            else:
                await self._undeliverable(entry, ending, str(error))
        else:
            await self._told(entry, ending, message_id)

    def _noter(self, entry: Entry, ending: State) -> Callable[[Mapping[str, str]], asyncio.Future[None]]:
        def note(marks: Mapping[str, str]) -> asyncio.Future[None]:
            write = self._database.write(lambda db: journal.mark(db, entry.request.id, ending, marks))
            return asyncio.ensure_future(write)

        return note

    async def _message(self, entry: Entry, ending: State) -> Message:
        request, outcome = entry.request, entry.outcome
        model = self._catalogue.entries.get(request.model)
        title, provider = (model.title, model.prompt_goes_to) if model else (request.model, "this machine")
        failure = outcome.failure if outcome else None
        private = failure is not None and failure.kind is FailureKind.OWNER_REFUSED
        match ending:
            case State.DELIVERED if outcome:
                shown = passing(outcome)
                quota = await self._database.read(lambda db: self._ledger.status(db, request.requester, self._now()))
                pictures = [await self._picture(entry, title, place, image) for place, image in enumerate(shown)]
                lines = results.caption(request, outcome, shown, model, quota)
                return Message(lines=lines, prompt=request.prompt, pictures=tuple(pictures))
            case State.HELD:
                return Message(
                    lines=results.held(request.params.num_images, self._terms.hold_ms // 3_600_000),
                    prompt=request.prompt,
                )
            case State.WITHHELD:
                expired = outcome is not None and any(i.verdict.action is Action.HOLD for i in outcome.images)
                return Message(
                    lines=results.withheld(request.params.num_images, expired=expired), prompt=request.prompt
                )
            case State.CANCELLED:
                return Message(lines=results.cancelled(), prompt=request.prompt)
            case State.FAILED if outcome is not None and failure is None:
                return Message(lines=results.not_shown_here(), prompt=request.prompt)
            case _:
                return Message(lines=results.failed(failure, title, provider), prompt=request.prompt, private=private)

    async def _picture(self, entry: Entry, title: str, place: int, image: ProducedImage) -> Picture:
        """The stored bytes, shown only if they are the very bytes that a passing verdict is stored for."""
        request_id = entry.request.id
        try:
            data = await asyncio.to_thread(self._store.get, image.key)
        except ArtifactMissing:
            raise NotShowable("its picture is no longer in the artifact store") from None
        sha256 = hashlib.sha256(data).hexdigest()
        if not await self._database.read(lambda db: journal.passing(db, request_id, sha256)):
            raise NotShowable("no passing verdict is stored for these bytes")
        return Picture(
            filename=f"tessera-{short_id(request_id)}-{place + 1}.{_EXTENSIONS[image.media_type]}",
            data=data,
            media_type=image.media_type,
            alt_text=results.alt_text(entry.request, title),
            spoiler=image.verdict.action is Action.BLUR,
        )

    async def _told(self, entry: Entry, ending: State, message_id: str | None) -> None:
        now, request_id = self._now(), entry.request.id

        def record(db: SqliteDatabase) -> None:
            hold_ms = self._terms.hold_ms
            if not journal.told(db, request_id, ending=ending, message_id=message_id, now=now, hold_ms=hold_ms):
                return
            if ending is State.DELIVERED and entry.outcome:
                shown = min(len(passing(entry.outcome)), entry.request.params.num_images)
                self._ledger.settle(db, request_id, shown, now)
                estimate.learn(db, entry)
            elif ending is not State.HELD:
                self._ledger.release(db, request_id, now, ending.value)
            record_audit(
                db,
                AuditEntry(
                    at=now,
                    workspace=entry.request.requester.workspace,
                    actor=SYSTEM,
                    action=AuditAction(ending.value),
                    subject=entry.request.requester.account,
                    request_id=request_id,
                ),
            )

        await self._database.write(record)
        log.info("request %s: %s", request_id, ending.value)

    async def _hold_back(self, entry: Entry, ending: State) -> None:
        now = self._now()
        await self._database.write(
            lambda db: journal.redirect(db, entry.request.id, old=ending, new=State.HELD, now=now)
        )

    async def _unreadable(self, due: Due, error: OSError) -> None:
        """The artifact store is away or denies us: that may pass. What stays out of reach is as good as gone."""
        if self._is_overdue(due):
            await self._hold_back(due.entry, due.entry.ending or State.FAILED)
        else:
            await self._not_now(due, f"its picture cannot be read: {type(error).__name__}", _BROKEN_PAUSE_S)

    async def _in_words(self, entry: Entry, ending: State, why: str) -> None:
        """The platform does not take the pictures here, but it may take a sentence: the member must hear something."""
        log.warning("the pictures of request %s cannot be shown, so it is told in words: %s", entry.request.id, why)
        now = self._now()
        await self._database.write(
            lambda db: journal.redirect(db, entry.request.id, old=ending, new=State.FAILED, now=now)
        )

    async def _undeliverable(self, entry: Entry, ending: State, why: str) -> None:
        """The member cannot be told here any more: it ends as failed, and what was held is given back."""
        log.warning("request %s cannot be delivered: %s", entry.request.id, why)
        now = self._now()
        if ending is not State.FAILED:
            await self._database.write(
                lambda db: journal.redirect(db, entry.request.id, old=ending, new=State.FAILED, now=now)
            )
        await self._told(entry, State.FAILED, None)

    async def _not_now(self, due: Due, why: str, after_s: float | None) -> None:
        if self._is_overdue(due):
            await self._undeliverable(due.entry, due.entry.ending or State.FAILED, f"given up after long trying: {why}")
            return
        pause = max(after_s or 0.0, min(2.0 ** min(due.attempt, _DOUBLINGS), _LONGEST_PAUSE_S))
        log.warning("request %s could not be told now (%s); again in %.0f s", due.entry.request.id, why, pause)
        await self._later(due, pause)

    def _is_overdue(self, due: Due) -> bool:
        return self._now() - due.entry.changed_at > self._terms.give_up_ms

    async def _later(self, due: Due, pause_s: float) -> None:
        when, ending = self._now() + round(pause_s * 1000), due.entry.ending or State.FAILED
        await self._database.write(lambda db: journal.postpone(db, due.entry.request.id, ending, when))


def short_id(request_id: str) -> str:
    """Twelve characters that stand for a request in file names: the same for the same id, different for others."""
    return hashlib.sha256(request_id.encode()).hexdigest()[:12]
