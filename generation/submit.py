"""Submitting: from what a member asked to `Accepted | Refused`, in one transaction.

Owns the use case and its order: everything the model will see is cleaned and frozen → route → sanctions → server rules
→ quota → request, verdict, reservation and outbox, all or none. Idempotent by the ask's id. It must not know platforms,
Redis or sentences.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sqlite_utils import Database as SqliteDatabase

from generation import journal
from generation.catalogue import Catalogue
from generation.database import Database
from generation.ledger import Ledger
from generation.refusals import (
    Accepted,
    PromptHeld,
    PromptRejected,
    QuotaUsed,
    Refusal,
    Refused,
    RulesUnreadable,
    Sanctioned,
    TooManyWaiting,
)
from generation.request import Ask, GenerationRequest
from generation.resolving import HIGHEST_SEED, Route, resolve
from generation.router import Router
from moderation import sanctions
from moderation.audit import SYSTEM, AuditAction, AuditEntry, record
from moderation.cases import CaseKind, open_case
from moderation.normalise import clean
from moderation.prompts import PromptCheck, check_prompt
from moderation.rule_store import RuleStore
from moderation.verdict import Action, Verdict

log = logging.getLogger(__name__)

_HEAD_START_MS = 86_400_000
"""Scores lie a day back, so that a worker whose clock runs behind still sees them as due: docs/decisions/0003."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The longest prompt in characters after cleaning, and the most requests a member may have under way."""

    longest_prompt: int
    under_way: int


class Submitter:
    """Accepts or refuses what members ask for."""

    def __init__(
        self,
        *,
        database: Database,
        catalogue: Catalogue,
        router: Router,
        ledger: Ledger,
        rules: RuleStore,
        limits: Limits,
        now: Callable[[], int],
        wake_relay: Callable[[], None],
    ) -> None:
        """Take what it decides by, a clock in ms, and whom to wake when a request was accepted."""
        self._database, self._catalogue, self._router = database, catalogue, router
        self._ledger, self._rules, self._limits = ledger, rules, limits
        self._now, self._wake_relay = now, wake_relay

    async def submit(self, ask: Ask) -> Accepted | Refused:
        """Decide about an ask. Asking again with the same id finds the request that was accepted the first time."""
        prompt = clean(ask.prompt)
        route = resolve(
            ask,
            prompt,
            self._catalogue,
            longest_prompt=self._limits.longest_prompt,
            any_seed=lambda: secrets.randbelow(HIGHEST_SEED + 1),
            policy=self._router.rules.policy,
            consent=self._router.rules.consent,
            state=await self._database.read(self._router.state),
        )
        if not isinstance(route, Route):
            return Refused(refusal=route)
        request = GenerationRequest(
            id=ask.id,
            requester=ask.requester,
            reply_to=ask.reply_to,
            model=route.entry.id,
            pool=route.entry.pool,
            prompt=prompt,
            params=route.params,
            created_at=self._now(),
            instead_of=route.instead_of,
        )
        answer = await self._database.write(lambda db: self._decide(db, request))
        if isinstance(answer, Accepted):
            if not answer.duplicate:
                self._router.sent(answer.request.model)
            self._wake_relay()
        return answer

    def _decide(self, db: SqliteDatabase, request: GenerationRequest) -> Accepted | Refused:
        """The one transaction. A refusal keeps its audit row and case, and nothing else."""
        now = request.created_at
        before = journal.get(db, request.id)
        if before is not None:
            quota = self._ledger.status(db, before.request.requester, now)
            return Accepted(request=before.request, quota=quota, duplicate=True)
        refusal = self._by_sanction(db, request) or self._by_backlog(db, request) or self._by_rules(db, request)
        if refusal is not None:
            return Refused(refusal=refusal)
        held = self._ledger.hold(
            db, request_id=request.id, requester=request.requester, amount=request.params.num_images, now=now
        )
        if isinstance(held, QuotaUsed):
            self._record(db, request, AuditAction.QUOTA_SHORT)
            return Refused(refusal=held)
        journal.insert(db, request, score=now - _HEAD_START_MS)
        return Accepted(request=request, quota=held.status)

    def _by_sanction(self, db: SqliteDatabase, request: GenerationRequest) -> Refusal | None:
        who = request.requester
        sanction = sanctions.active(db, who.workspace, who.account, request.created_at)
        if sanction is None:
            return None
        self._record(db, request, AuditAction.SANCTION_APPLIED, case=sanction.case)
        return Sanctioned(until=sanction.until, reason=sanction.reason, case=sanction.case)

    def _by_backlog(self, db: SqliteDatabase, request: GenerationRequest) -> Refusal | None:
        waiting = journal.under_way(db, request.requester.account)
        return TooManyWaiting(waiting) if waiting >= self._limits.under_way else None

    def _by_rules(self, db: SqliteDatabase, request: GenerationRequest) -> Refusal | None:
        """Check exactly the text the model will get, and store what was found whatever it was."""
        try:
            rules = self._rules.load(db, request.requester.workspace)
        except ValueError:
            log.exception("the rules of %s cannot be read; its prompts are refused", request.requester.workspace)
            return RulesUnreadable()
        check = check_prompt(rules, request.prompt)
        case = self._open_case(db, request, check) if check.verdict.action >= Action.HOLD else None
        self._record(db, request, AuditAction.PROMPT_CHECKED, case=case, verdict=check.verdict)
        if case is None:
            return None
        if check.verdict.action is Action.REJECT:
            return PromptRejected(term=check.term, case=case)
        return PromptHeld(term=check.term, case=case)

    def _open_case(self, db: SqliteDatabase, request: GenerationRequest, check: PromptCheck) -> str:
        return open_case(
            db,
            CaseKind.PROMPT,
            workspace=request.requester.workspace,
            account=request.requester.account,
            now=request.created_at,
            request_id=request.id,
            verdict=check.verdict,
            prompt=request.prompt,
        )

    def _record(
        self,
        db: SqliteDatabase,
        request: GenerationRequest,
        action: AuditAction,
        *,
        case: str | None = None,
        verdict: Verdict | None = None,
    ) -> None:
        entry = AuditEntry(
            at=request.created_at,
            workspace=request.requester.workspace,
            actor=SYSTEM,
            action=action,
            subject=request.requester.account,
            request_id=request.id,
            case=case,
            verdict=verdict,
        )
        record(db, entry)
