"""From a worker's outcome to the request's fate: delivered, held, withheld, failed or cancelled, or tried again.

Owns the decision (`ending_of`) and the intake loop. An outcome is read from the artifact store, where it outlives
Redis; the notice in Redis only says when to look. Recording it, its verdicts and its timeline is one transaction, and
doing so twice changes nothing. It must not know platforms or sentences.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlite_utils import Database as SqliteDatabase

from generation import codec, journal
from generation.artifacts import ArtifactStore
from generation.database import Database
from generation.jobs import LINE_ERRORS, FrontLine
from generation.journal import State
from generation.result import Outcome, OutcomeKind, ProducedImage
from generation.router import Router
from generation.routing import Health
from moderation import audit
from moderation.audit import AuditAction, AuditEntry
from moderation.verdict import Action

log = logging.getLogger(__name__)

_LONGEST_RETRY_S = 120.0
# A job's id can be enqueued again when arq has taken the old one away, which it does after the outcome was announced.
_HAND_OVER_MS = 250
# A provider may ask for any pause, also for one that no clock can add up.
_LONGEST_WISH_S = 86_400.0


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often a failed request is tried in all, and the pause after the first attempt; each later one doubles it."""

    attempts: int
    first_pause_s: float

    def pause_s(self, outcome: Outcome) -> float | None:
        """Seconds until the next attempt; None: there is to be none. A provider's wish, up to a day, is the least."""
        failure = outcome.failure
        if failure is None or not failure.kind.retryable or outcome.attempt >= self.attempts:
            return None
        pause = min(self.first_pause_s * 2.0 ** (outcome.attempt - 1), _LONGEST_RETRY_S)
        return max(pause, min(failure.retry_after_s or 0.0, _LONGEST_WISH_S))


def passing(outcome: Outcome) -> tuple[ProducedImage, ...]:
    """The pictures that may be shown: a stored reason to pass, and none against."""
    return tuple(i for i in outcome.images if i.verdict.reasons and i.verdict.action <= Action.BLUR)


def ending_of(outcome: Outcome) -> State:
    """How a request with this outcome ends.

    Some pictures passing means delivered (with those); else one that waits for a moderator means held; else withheld.
    """
    if outcome.kind is OutcomeKind.CANCELLED:
        return State.CANCELLED
    if outcome.kind is OutcomeKind.FAILED:
        return State.FAILED
    if passing(outcome):
        return State.DELIVERED
    undecided = any(not i.verdict.reasons or i.verdict.action is Action.HOLD for i in outcome.images)
    return State.HELD if undecided or not outcome.images else State.WITHHELD


class Intake:
    """Takes outcomes in and moves their requests on."""

    def __init__(
        self,
        *,
        database: Database,
        store: ArtifactStore,
        line: FrontLine,
        retry: RetryRule,
        router: Router,
        now: Callable[[], int],
        wake_relay: Callable[[], None],
        wake_delivery: Callable[[], None],
    ) -> None:
        """Take what it reads from, writes to, and whom it wakes; `now` in ms."""
        self._database, self._store, self._line = database, store, line
        self._retry, self._router, self._now = retry, router, now
        self._wake_relay, self._wake_delivery = wake_relay, wake_delivery

    async def run(self) -> None:
        """Take notices until cancelled. With Redis away, the sweeper finds outcomes in the store."""
        while True:
            try:
                notice = await self._line.next_notice(1.0)
            except codec.Malformed as error:
                log.warning("A notice in Redis made no sense and was dropped: %s", error)
                continue
            except LINE_ERRORS:
                await asyncio.sleep(1.0)
                continue
            if notice is not None:
                await self.take(notice.request_id, notice.attempt)

    async def take(self, request_id: str, attempt: int) -> bool:
        """Record the outcome of an attempt if there is one in the store; whether the request moved on."""
        try:
            outcome = await asyncio.to_thread(self._store.get_outcome, request_id, attempt)
        except (codec.Malformed, ValueError) as error:
            log.warning("An outcome in the artifact store made no sense: %s", error)
            return False
        except OSError as error:
            # The sweeper looks again; one that cannot be read must not keep others from being taken in.
            log.warning("The artifact store cannot be read for request %s: %s", request_id, type(error).__name__)
            return False
        if outcome is None or (outcome.request_id, outcome.attempt) != (request_id, attempt):
            return False
        return await self.record(outcome)

    async def record(self, outcome: Outcome) -> bool:
        """Move the request on by its outcome; False if it was not waiting for this one."""
        now, pause = self._now(), self._retry.pause_s(outcome)
        if outcome.failure is not None:
            log.warning(
                "request %s attempt %d failed: %s (%s)",
                outcome.request_id,
                outcome.attempt,
                outcome.failure.kind,
                outcome.failure.detail,
            )
        if await self._elsewhere(outcome, now, at_once=pause is None):
            self._wake_relay()
            return True
        if pause is not None:
            later = now + round(pause * 1000)
            moved = await self._database.write(
                lambda db: journal.try_again(db, outcome.request_id, attempt=outcome.attempt, not_before=later, now=now)
            )
            self._wake_relay()
            return moved
        moved = await self._database.write(lambda db: _decide(db, outcome, now))
        self._wake_delivery()
        return moved

    async def _elsewhere(self, outcome: Outcome, now: int, *, at_once: bool) -> bool:
        """Note how the model did, and let another go on where it failed, will not be tried again, and nobody minds.

        `at_once` means that the same model is not tried again; else another goes on only if this one is failing.
        """
        entry = await self._database.read(lambda db: journal.get(db, outcome.request_id))
        if entry is None or entry.state is not State.QUEUED or entry.attempt != outcome.attempt:
            return False
        model, failure = entry.request.model, outcome.failure
        self._router.heard(model, outcome)
        if failure is None or not (at_once or self._router.health(model) is Health.FAILING):
            return False

        def go_on(db: SqliteDatabase) -> str:
            request = self._router.go_on(db, entry, failure.kind)
            if request is None:
                return ""
            later = now + _HAND_OVER_MS
            moved = journal.go_on(db, request, attempt=entry.attempt, left=model, not_before=later, now=now)
            return request.model if moved else ""

        other = await self._database.write(go_on)
        if not other:
            return False
        self._router.sent(other)
        log.info("request %s goes on with %s instead of %s", outcome.request_id, other, model)
        return True


def _decide(db: SqliteDatabase, outcome: Outcome, now: int) -> bool:
    """Move the request to its ending and write down why each picture may or may not be shown."""
    request_id, ending = outcome.request_id, ending_of(outcome)
    entry = journal.get(db, request_id)
    moved = journal.decide(db, request_id, attempt=outcome.attempt, ending=ending, outcome=outcome, now=now)
    if entry is None or not moved:
        return False
    requester = entry.request.requester
    for image in outcome.images:
        audit.record(
            db,
            AuditEntry(
                at=now,
                workspace=requester.workspace,
                actor=audit.SYSTEM,
                action=AuditAction.IMAGE_CHECKED,
                subject=requester.account,
                request_id=request_id,
                verdict=image.verdict,
                detail={"sha256": image.sha256},
            ),
        )
    return True
