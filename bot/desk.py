"""The moderators' desk: quotas, keywords, sanctions and cases, the same on every platform.

Owns who may do what and within which limits, and that every change is audited in the transaction that makes it. The
sentences are `bot.wording.desk`'s. It must not know platforms or their SDKs: adapters hand it an `Actor` whose right
they have just asked the platform about, and show its `Reply` to the asker alone.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sqlite_utils import Database as SqliteDatabase

from bot.services import Actor, Reply, Target
from bot.wording import desk as wording
from generation.database import Database
from generation.ledger import Ledger
from generation.quota import Scope
from generation.request import Requester
from moderation import audit, cases, sanctions
from moderation.audit import AuditAction, AuditEntry
from moderation.normalise import clean
from moderation.prompts import DEFAULT_EFFECT
from moderation.rule_store import Added, RuleStore
from moderation.sanctions import Sanction, SanctionKind
from moderation.verdict import Action

MOST_PICTURES: Final = 10_000
"""The largest allowance a day and the largest grant; keeps a slip of the finger from emptying an account."""
LONGEST_REASON: Final = 200
LONGEST_TEST: Final = 4_000
LONGEST_TIMEOUT_MINUTES: Final = 28 * 24 * 60
"""Discord's own limit for a timeout: 2,419,200 s."""

Work = Callable[[SqliteDatabase], Reply]


class ModeratorsDesk:
    """`bot.services.Desk` over the database. `now` gives milliseconds since the epoch."""

    def __init__(self, *, database: Database, ledger: Ledger, rules: RuleStore, now: Callable[[], int]) -> None:
        self._database = database
        self._ledger = ledger
        self._rules = rules
        self._now = now

    async def my_quota(self, requester: Requester) -> Reply:
        """What the asker has used and has left, and where the figure comes from; and what keeps them from asking."""
        now = self._now()

        def work(db: SqliteDatabase) -> Reply:
            status = self._ledger.status(db, requester, now)
            sanction = sanctions.active(db, requester.workspace, requester.account, now)
            return Reply(wording.own_quota(status, sanction, now=now, zone=self._ledger.zone))

        return await self._database.read(work)

    async def quota_show(self, actor: Actor, member: Target) -> Reply:
        """What a member has used and has left, and why; and the sanction they are under, if any."""
        now, requester = self._now(), _member(actor, member)

        def work(db: SqliteDatabase) -> Reply:
            status = self._ledger.status(db, requester, now)
            sanction = sanctions.active(db, requester.workspace, requester.account, now)
            return Reply(wording.quota_of(member.label, status, sanction, now=now, zone=self._ledger.zone))

        return await self._read(actor, work)

    async def quota_set(self, actor: Actor, scope: Scope, target: Target | None, amount: int | None) -> Reply:
        """Set the pictures a day (0 to 10,000) for the server, a role or a member; None takes the setting back."""
        now, workspace = self._now(), actor.requester.workspace
        if scope is Scope.INSTALLATION:
            return _no(actor, wording.NOT_FOR_THE_INSTALLATION)
        if scope is not Scope.SERVER and (target is None or not target.id):
            return _no(actor, wording.WHOM)
        if amount is not None and not 0 <= amount <= MOST_PICTURES:
            return _no(actor, wording.amount_out_of_range(0, MOST_PICTURES))
        subject, label = ("", "") if target is None or scope is Scope.SERVER else (target.id, target.label)

        def work(db: SqliteDatabase) -> Reply:
            before = self._ledger.set_allowance(
                db, workspace, scope, subject, amount=amount, actor=actor.requester.account, now=now
            )
            nothing_done = amount is None and before is None
            if not nothing_done:
                entry = _entry(actor, AuditAction.QUOTA_SET, now, f"{scope}:{subject}".rstrip(":"))
                audit.record(db, replace(entry, detail={"before": before, "amount": amount}))
            return Reply(wording.allowance_set(scope, label, amount, before), ok=not nothing_done)

        return await self._write(actor, work)

    async def quota_grant(self, actor: Actor, member: Target, amount: int, reason: str) -> Reply:
        """Give a member 1 to 10,000 pictures on top, once."""
        now, requester, why = self._now(), _member(actor, member), clean(reason)
        if not 1 <= amount <= MOST_PICTURES:
            return _no(actor, wording.amount_out_of_range(1, MOST_PICTURES))
        if len(why) > LONGEST_REASON:
            return _no(actor, wording.too_long("The reason", len(why), LONGEST_REASON))

        def work(db: SqliteDatabase) -> Reply:
            by = actor.requester.account
            self._ledger.grant(db, requester.account, amount, actor=by, reason=why, now=now)
            entry = _entry(actor, AuditAction.QUOTA_GRANTED, now, requester.account)
            audit.record(db, replace(entry, detail={"amount": amount, "reason": why}))
            return Reply((wording.granted(member.label, amount, self._ledger.status(db, requester, now)),))

        return await self._write(actor, work)

    async def filter_add(self, actor: Actor, keyword: str, effect: Action | None) -> Reply:
        """Add a keyword rule, give it another effect, or (ALLOW) add a phrase to the allow-list."""
        now, chosen = self._now(), DEFAULT_EFFECT if effect is None else effect
        if chosen is Action.BLUR:
            return _no(actor, wording.NO_KEYWORD_BLURS)

        def work(db: SqliteDatabase) -> Reply:
            workspace, by = actor.requester.workspace, actor.requester.account
            added = self._rules.add(db, workspace, keyword, effect=chosen, actor=by, now=now)
            if not isinstance(added, Added):
                return Reply((wording.keyword_problem(added, keyword),), ok=False)
            entry = _entry(actor, AuditAction.FILTER_ADDED, now, added.rule.keyword)
            before = None if added.before is None else added.before.name.lower()
            audit.record(db, replace(entry, detail={"before": before, "effect": chosen.name.lower()}))
            return Reply(wording.keyword_added(added.rule, added.before, self._rules.load(db, workspace)))

        return await self._write(actor, work)

    async def filter_remove(self, actor: Actor, keyword: str) -> Reply:
        """Take a keyword away, from rules or allow-list."""
        now = self._now()

        def work(db: SqliteDatabase) -> Reply:
            removed = self._rules.remove(db, actor.requester.workspace, keyword)
            if removed is None:
                return Reply((wording.keyword_unknown(keyword),), ok=False)
            entry = _entry(actor, AuditAction.FILTER_REMOVED, now, removed.keyword)
            audit.record(db, replace(entry, detail={"effect": removed.effect.name.lower()}))
            return Reply((wording.keyword_removed(removed),))

        return await self._write(actor, work)

    async def filter_list(self, actor: Actor) -> Reply:
        """The server's keywords and allow-list."""
        workspace = actor.requester.workspace
        return await self._read(actor, lambda db: Reply(wording.keyword_list(self._rules.load(db, workspace))))

    async def filter_test(self, actor: Actor, text: str) -> Reply:
        """What the rules would do with this text, and where they fire. Nothing is stored."""
        workspace, cleaned = actor.requester.workspace, clean(text)
        if not cleaned:
            return _no(actor, wording.NOTHING_TO_TEST)
        if len(cleaned) > LONGEST_TEST:
            return _no(actor, wording.too_long("The text", len(cleaned), LONGEST_TEST))

        def work(db: SqliteDatabase) -> Reply:
            return Reply(wording.tested(cleaned, *self._rules.load(db, workspace).examine(cleaned)))

        return await self._read(actor, work)

    async def sanction_timeout(self, actor: Actor, member: Target, minutes: int, reason: str) -> Reply:
        """Keep a member from asking for pictures for 1 minute to 28 days."""
        if not 1 <= minutes <= LONGEST_TIMEOUT_MINUTES:
            return _no(actor, wording.FROM_A_MINUTE_ON)
        return await self._sanction(actor, member, minutes, reason)

    async def sanction_ban(self, actor: Actor, member: Target, reason: str) -> Reply:
        """Keep a member from asking for pictures until it is lifted."""
        return await self._sanction(actor, member, None, reason)

    async def sanction_lift(self, actor: Actor, member: Target) -> Reply:
        """End a member's timeout or ban."""
        now, requester = self._now(), _member(actor, member)

        def work(db: SqliteDatabase) -> Reply:
            moderator = actor.requester.account
            ended = sanctions.lift(db, requester.workspace, requester.account, moderator=moderator, now=now)
            if ended is not None:
                entry = _entry(actor, AuditAction.LIFTED, now, requester.account)
                audit.record(db, replace(entry, case=ended.case))
            return Reply((wording.lifted(member.label, ended),), ok=ended is not None)

        return await self._write(actor, work)

    async def case_show(self, actor: Actor, case_id: str) -> Reply:
        """What is kept about a case of this workspace, the stopped prompt included. Looking is audited."""
        now, workspace = self._now(), actor.requester.workspace

        def work(db: SqliteDatabase) -> Reply:
            case = cases.find_case(db, workspace, case_id)
            if case is None:
                return Reply((wording.NO_SUCH_CASE,), ok=False)
            history = audit.entries(db, workspace, case=case.id, most=10)
            entry = _entry(actor, AuditAction.CASE_READ, now, case.account)
            audit.record(db, replace(entry, case=case.id))
            return Reply(wording.case_file(case, history, self._ledger.zone))

        return await self._write(actor, work)

    async def _sanction(self, actor: Actor, member: Target, minutes: int | None, reason: str) -> Reply:
        now, requester, why = self._now(), _member(actor, member), clean(reason)
        if len(why) > LONGEST_REASON:
            return _no(actor, wording.too_long("The reason", len(why), LONGEST_REASON))
        until = None if minutes is None else now + minutes * 60_000

        def work(db: SqliteDatabase) -> Reply:
            imposed = sanctions.impose(
                db, requester.workspace, requester.account,
                until=until, reason=why, moderator=actor.requester.account, now=now,
            )  # fmt: skip
            if imposed.until != until:
                return Reply((wording.banned_already(member.label, imposed.case),), ok=False)
            audit.record(db, _sanction_entry(actor, imposed, now))
            return Reply((wording.sanctioned(member.label, imposed, now=now, zone=self._ledger.zone),))

        return await self._write(actor, work)

    async def _read(self, actor: Actor, work: Work) -> Reply:
        return await self._database.read(work) if actor.moderator else _no(actor, "")

    async def _write(self, actor: Actor, work: Work) -> Reply:
        return await self._database.write(work) if actor.moderator else _no(actor, "")


def _no(actor: Actor, sentence: str) -> Reply:
    """A refusal; whoever is no moderator is told that and nothing else."""
    return Reply((sentence if actor.moderator else wording.NOT_A_MODERATOR,), ok=False)


def _member(actor: Actor, member: Target) -> Requester:
    """The member of the actor's own workspace; no command reaches into another."""
    return replace(actor.requester, user_id=member.id, role_ids=member.role_ids)


def _entry(actor: Actor, action: AuditAction, now: int, subject: str) -> AuditEntry:
    requester = actor.requester
    return AuditEntry(at=now, workspace=requester.workspace, actor=requester.account, action=action, subject=subject)


def _sanction_entry(actor: Actor, imposed: Sanction, now: int) -> AuditEntry:
    action = AuditAction.BANNED if imposed.kind is SanctionKind.BAN else AuditAction.TIMED_OUT
    entry = _entry(actor, action, now, imposed.account)
    return replace(entry, case=imposed.case, detail={"until": imposed.until, "reason": imposed.reason})
