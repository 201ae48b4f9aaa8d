"""Submitting: one transaction, idempotent, every refusal typed, and nothing charged for what was refused."""

import asyncio
from dataclasses import replace
from datetime import UTC

import pytest

from generation import journal
from generation import refusals as r
from generation.catalogue import Catalogue, load_entries
from generation.database import Database
from generation.ledger import Ledger
from generation.quota import QuotaStatus
from generation.refusals import Accepted, Refused
from generation.router import Router, RouteRules
from generation.submit import Limits, Submitter
from moderation import sanctions
from moderation.audit import AuditAction, entries
from moderation.cases import find_case
from moderation.rule_store import RuleStore
from moderation.verdict import Action
from tests.conftest import Clock
from tests.making import MEMBER, ask


class Desk:
    """A submitter over a real file, with what it says to the relay."""

    def __init__(self, database: Database, clock: Clock, daily: int = 40) -> None:
        self.database, self.clock = database, clock
        self.ledger, self.rules, self.woken = Ledger(UTC, daily), RuleStore(), 0
        catalogue = Catalogue(load_entries(), ["starter"])
        self.submitter = Submitter(
            database=database,
            catalogue=catalogue,
            router=Router(catalogue, RouteRules(), clock),
            ledger=self.ledger,
            rules=self.rules,
            limits=Limits(longest_prompt=2000, under_way=5),
            now=clock,
            wake_relay=self._wake,
        )

    def _wake(self) -> None:
        self.woken += 1

    async def submit(self, **wishes: object) -> Accepted | Refused:
        return await self.submitter.submit(ask(**wishes))

    async def rule(self, keyword: str, effect: Action) -> None:
        await self.database.write(
            lambda db: self.rules.add(db, MEMBER.workspace, keyword, effect=effect, actor="mod", now=self.clock())
        )

    async def quota(self) -> QuotaStatus:
        return await self.database.read(lambda db: self.ledger.status(db, MEMBER, self.clock()))

    async def stored(self, request_id: str = "discord-1") -> journal.Entry | None:
        return await self.database.read(lambda db: journal.get(db, request_id))


@pytest.fixture
def desk(database: Database, clock: Clock) -> Desk:
    return Desk(database, clock)


async def test_an_accepted_ask_is_stored_held_and_on_its_way(desk: Desk) -> None:
    answer = await desk.submit(count=3, seed=7)

    assert isinstance(answer, Accepted)
    assert (answer.quota.held, answer.quota.left) == (3, 37)
    assert answer.request.params.seeds == (7, 8, 9)
    entry = await desk.stored()
    assert entry is not None
    assert entry.request == answer.request
    assert desk.woken == 1
    [row] = await desk.database.read(lambda db: entries(db, MEMBER.workspace))
    assert row.action is AuditAction.PROMPT_CHECKED


async def test_asking_twice_is_asking_once(desk: Desk) -> None:
    first = await desk.submit()
    again = await desk.submit(prompt="something else")

    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert again.duplicate
    assert again.request == first.request
    assert (await desk.quota()).held == 1


async def test_the_same_event_twenty_times_at_once_is_one_request(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.submit() for _ in range(20)))

    assert sum(isinstance(answer, Accepted) and not answer.duplicate for answer in answers) == 1
    assert (await desk.quota()).held == 1


async def test_the_model_gets_the_cleaned_text_that_was_checked(desk: Desk) -> None:
    await desk.rule("zorblax", Action.REJECT)
    hidden = "a zor\u200bblax\u202e in\x00 a\tfield\n"

    answer = await desk.submit(prompt=hidden)

    assert isinstance(answer, Refused)
    assert isinstance(answer.refusal, r.PromptRejected)
    key = answer.refusal.case
    case = await desk.database.read(lambda db: find_case(db, MEMBER.workspace, key))
    assert case is not None
    assert case.prompt == "a zorblax in a field"
    assert await desk.stored() is None
    assert (await desk.quota()).held == 0


async def test_a_keyword_holds_by_its_effect_and_names_itself(desk: Desk) -> None:
    await desk.rule("glim*", Action.HOLD)

    answer = await desk.submit(prompt="a glimmerfrond")

    assert isinstance(answer, Refused)
    assert isinstance(answer.refusal, r.PromptHeld)
    assert answer.refusal.term == "glim"


@pytest.mark.parametrize("prompt", ["", "   ", "\x00\u200b\u202e", "\n\t"])
async def test_an_invisible_prompt_is_empty(desk: Desk, prompt: str) -> None:
    assert await desk.submit(prompt=prompt) == Refused(refusal=r.EmptyPrompt())


@pytest.mark.parametrize("prompt", ["@everyone", "<!channel>", "**bold** `x`", "🐈‍⬛🚀", "红色的船", "x" * 2000])
async def test_odd_prompts_are_prompts(desk: Desk, prompt: str) -> None:
    answer = await desk.submit(prompt=prompt)

    assert isinstance(answer, Accepted)
    assert answer.request.prompt == prompt


async def test_a_sanctioned_member_is_told_until_when(desk: Desk) -> None:
    until = desk.clock() + 60_000
    sanction = await desk.database.write(
        lambda db: sanctions.impose(
            db, MEMBER.workspace, MEMBER.account, until=until, reason="a pause", moderator="mod", now=desk.clock()
        )
    )

    assert await desk.submit() == Refused(refusal=r.Sanctioned(until=until, reason="a pause", case=sanction.case))
    desk.clock.advance(61)
    assert isinstance(await desk.submit(), Accepted)


async def test_a_used_allowance_says_when_it_comes_back(database: Database, clock: Clock) -> None:
    desk = Desk(database, clock, daily=2)
    assert isinstance(await desk.submit(id="a", count=2), Accepted)

    answer = await desk.submit(id="b")

    assert isinstance(answer, Refused)
    assert isinstance(answer.refusal, r.QuotaUsed)
    assert answer.refusal.status.resets_at > clock()
    assert await desk.stored("b") is None


async def test_an_allowance_is_never_overspent_by_asking_at_once(database: Database, clock: Clock) -> None:
    desk = Desk(database, clock, daily=3)

    answers = await asyncio.gather(*(desk.submit(id=f"r{n}") for n in range(12)))

    assert sum(isinstance(answer, Accepted) for answer in answers) == 3


async def test_a_member_has_only_so_many_under_way(desk: Desk) -> None:
    for number in range(5):
        await desk.submit(id=f"r{number}")

    assert await desk.submit(id="r5") == Refused(refusal=r.TooManyWaiting(5))
    other = replace(MEMBER, user_id="8")
    assert isinstance(await desk.submit(id="r6", requester=other), Accepted)


async def test_rules_that_cannot_be_read_refuse(desk: Desk) -> None:
    await desk.rule("zorblax", Action.HOLD)
    await desk.database.write(lambda db: db.execute("UPDATE filter_rules SET keyword = '***'"))

    assert await desk.submit() == Refused(refusal=r.RulesUnreadable())


def test_an_interaction_token_is_left_out_of_what_is_printed() -> None:
    assert "interaction-token" not in repr(ask())


@pytest.mark.parametrize("bad", ["", "../x", "a b", "x" * 101, ".x", "a/b"])
def test_an_id_that_could_not_name_a_file_is_no_id(bad: str) -> None:
    with pytest.raises(ValueError, match="id"):
        ask(id=bad)
