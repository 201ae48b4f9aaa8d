"""The moderators' desk over a real file: rights, limits, what is said, and what is audited."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlite_utils import Database as SqliteDatabase

from bot.desk import ModeratorsDesk
from bot.services import Actor, Desk, Reply, Target
from generation.database import Database, open_sqlite
from generation.ledger import Ledger
from generation.quota import Scope
from generation.request import Platform, Requester
from migrations import apply_all
from moderation import audit
from moderation.audit import AuditAction, AuditEntry
from moderation.cases import CaseKind, open_case
from moderation.prompts import check_prompt
from moderation.rule_store import RuleStore
from moderation.verdict import Action

MIDNIGHT = 1_795_219_200_000  # 2026-11-21 00:00 UTC
NOW = MIDNIGHT - 3 * 3_600_000 - 12 * 60_000
ALICE = Target("7", "@alice", ("r1",))
ALICE_ASKS = Requester(platform=Platform.DISCORD, workspace_id="1", user_id="7", role_ids=("r1",))
MOD = Actor(requester=Requester(platform=Platform.DISCORD, workspace_id="1", user_id="99"), moderator=True, name="mo")
OTHER_MOD = replace(MOD, requester=replace(MOD.requester, workspace_id="2"))
NOBODY = replace(MOD, moderator=False)


@dataclass
class Room:
    """The desk and what lies under it; `now` is the clock's hand."""

    database: Database
    ledger: Ledger = field(default_factory=lambda: Ledger(ZoneInfo("UTC"), 40))
    rules: RuleStore = field(default_factory=RuleStore)
    now: int = NOW

    @property
    def desk(self) -> ModeratorsDesk:
        return ModeratorsDesk(database=self.database, ledger=self.ledger, rules=self.rules, now=lambda: self.now)

    async def use(self, request_id: str, amount: int, used: int | None = None) -> None:
        await self.database.write(
            lambda db: self.ledger.hold(db, request_id=request_id, requester=ALICE_ASKS, amount=amount, now=self.now)
        )
        if used is not None:
            await self.database.write(lambda db: self.ledger.settle(db, request_id, used, self.now))

    async def audited(self, workspace: str = "discord:1") -> tuple[AuditEntry, ...]:
        return await self.database.read(lambda db: audit.entries(db, workspace))


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    path = tmp_path / "tessera.db"
    db = open_sqlite(path)
    apply_all(db)
    db.close()
    database = Database(path)
    yield Room(database)
    database.close()


def test_it_is_a_desk(room: Room) -> None:
    desk: Desk = room.desk
    assert desk


async def test_a_members_own_quota(room: Room) -> None:
    await room.use("a", 4, used=4)
    reply = await room.desk.my_quota(ALICE_ASKS)
    assert reply == Reply(
        (
            "36 of 40 pictures left today.",
            "The day's allowance comes back at 21 Nov 00:00 UTC (in 3 h 12 min).",
            "40 a day is what everybody gets unless a moderator sets another number.",
        )
    )


async def test_what_is_under_way_and_what_was_given_are_named(room: Room) -> None:
    await room.desk.quota_grant(MOD, ALICE, 5, "contest")
    await room.use("a", 1)
    reply = await room.desk.my_quota(ALICE_ASKS)
    assert reply.lines[:3] == (
        "39 of 40 pictures left today.",
        "1 is under way or held back; what is not shown is not charged.",
        "Besides, 5 pictures given by a moderator, for any day.",
    )


async def test_the_source_of_the_figure_is_named(room: Room) -> None:
    async def sources() -> tuple[str, str]:
        own, shown = await room.desk.my_quota(ALICE_ASKS), await room.desk.quota_show(MOD, ALICE)
        return own.lines[-1], shown.lines[-1]

    await room.desk.quota_set(MOD, Scope.SERVER, None, 20)
    assert await sources() == ("20 a day is what everybody gets here.",) * 2
    await room.desk.quota_set(MOD, Scope.ROLE, Target("r1", "@artists"), 60)
    assert await sources() == (
        "60 a day comes with one of your roles.",
        "60 a day is what one of their roles (r1) gets.",
    )
    await room.desk.quota_set(MOD, Scope.MEMBER, ALICE, 0)
    assert await sources() == (
        "0 a day was set for you by a moderator.",
        "0 a day is what a moderator set for this member.",
    )
    assert (await room.desk.my_quota(ALICE_ASKS)).lines[0] == "No daily pictures."


async def test_a_moderator_sees_a_members_quota_and_sanction(room: Room) -> None:
    banned = await room.desk.sanction_ban(MOD, ALICE, "spam")
    reply = await room.desk.quota_show(MOD, ALICE)
    assert reply.lines[0] == "@alice: 40 of 40 pictures left today."
    assert reply.lines[-1] == banned.lines[0]


async def test_a_member_sees_in_the_own_quota_that_they_cannot_ask(room: Room) -> None:
    await room.desk.sanction_ban(MOD, ALICE, "spam")
    reply = await room.desk.my_quota(ALICE_ASKS)
    assert reply.lines[-1].startswith("A moderator has paused your picture requests until further notice.")


async def test_setting_an_allowance_and_taking_it_back(room: Room) -> None:
    artists = Target("r1", "@artists")
    assert (await room.desk.quota_set(MOD, Scope.ROLE, artists, 60)).lines == (
        "60 pictures a day for members with @artists.",
        "Of several roles the largest number counts; one set for a member comes first.",
    )
    assert (await room.desk.quota_set(MOD, Scope.ROLE, artists, 80)).lines[0] == (
        "80 pictures a day for members with @artists (until now 60)."
    )
    assert await room.desk.quota_set(MOD, Scope.ROLE, artists, None) == Reply(
        ("Taken back: 80 pictures a day for members with @artists. What is set for everybody counts again.",)
    )
    assert await room.desk.quota_set(MOD, Scope.ROLE, artists, None) == Reply(
        ("Nothing was set for members with @artists.",), ok=False
    )
    assert (await room.desk.quota_set(MOD, Scope.SERVER, None, 1)).lines[0] == "1 picture a day for everybody here."
    assert (await room.desk.quota_set(MOD, Scope.MEMBER, ALICE, 3)).lines == ("3 pictures a day for @alice.",)

    entries = [(entry.action, entry.subject, dict(entry.detail)) for entry in reversed(await room.audited())]
    assert entries == [
        (AuditAction.QUOTA_SET, "role:r1", {"amount": 60, "before": None}),
        (AuditAction.QUOTA_SET, "role:r1", {"amount": 80, "before": 60}),
        (AuditAction.QUOTA_SET, "role:r1", {"amount": None, "before": 80}),
        (AuditAction.QUOTA_SET, "server", {"amount": 1, "before": None}),
        (AuditAction.QUOTA_SET, "member:7", {"amount": 3, "before": None}),
    ]


@pytest.mark.parametrize("amount", [-1, 10_001])
async def test_an_allowance_has_limits(room: Room, amount: int) -> None:
    reply = await room.desk.quota_set(MOD, Scope.SERVER, None, amount)
    assert reply == Reply(("Give a number of pictures from 0 to 10,000.",), ok=False)


async def test_an_allowance_is_for_somebody_here(room: Room) -> None:
    for scope in (Scope.ROLE, Scope.MEMBER):
        for target in (None, Target("", "")):
            assert await room.desk.quota_set(MOD, scope, target, 5) == Reply(("Say for whom.",), ok=False)
    reply = await room.desk.quota_set(MOD, Scope.INSTALLATION, None, 5)
    assert not reply.ok
    assert "operator" in reply.text


async def test_a_grant_adds_up_and_is_audited(room: Room) -> None:
    reply = await room.desk.quota_grant(MOD, ALICE, 5, " for the \n contest ")
    assert reply == Reply(("@alice gets 5 pictures on top, once, and has 45 left now.",))
    (entry,) = await room.audited()
    assert (entry.action, entry.actor, entry.subject) == (
        AuditAction.QUOTA_GRANTED,
        "discord:1:99",
        "discord:1:7",
    )
    assert dict(entry.detail) == {"amount": 5, "reason": "for the contest"}


async def test_a_grant_has_limits(room: Room) -> None:
    for amount in (0, -5, 10_001):
        assert not (await room.desk.quota_grant(MOD, ALICE, amount, "")).ok
    reply = await room.desk.quota_grant(MOD, ALICE, 5, "x" * 201)
    assert reply == Reply(("The reason is 201 characters long; the limit is 200.",), ok=False)
    assert (await room.desk.quota_grant(MOD, ALICE, 10_000, "x" * 200)).ok


async def test_keywords_are_added_changed_listed_and_removed(room: Room) -> None:
    desk = room.desk
    assert (await desk.filter_list(MOD)).lines == ("No keywords yet.",)
    assert (await desk.filter_add(MOD, "Zog*", None)).lines == (
        "Prompts with a word that begins with “Zog” are held.",
        "1 of 1,000 keywords.",
    )
    assert (await desk.filter_add(MOD, "zog*", Action.HOLD)) == Reply(("“zog*” is on the list already.",), ok=False)
    assert (await desk.filter_add(MOD, "zog*", Action.REJECT)).lines[0] == (
        "Prompts with a word that begins with “zog” are rejected. They were held until now."
    )
    assert (await desk.filter_add(MOD, "zoggery", Action.ALLOW)).lines == (
        "Allowed: the word “zoggery”. Where it covers a keyword, the keyword does not count.",
        "1 of 100 allowed phrases.",
    )
    await desk.filter_add(MOD, "blim", None)
    assert (await desk.filter_list(MOD)).lines == (
        "Rejected (1): “zog*”.",
        "Held (1): “blim”.",
        "Allowed (1): “zoggery”.",
    )
    assert (await desk.filter_remove(MOD, "ZOG*")).lines == (
        "“zog*” is removed. Prompts with it were rejected until now.",
    )
    assert await desk.filter_remove(MOD, "ZOG*") == Reply(("“ZOG*” is not on the list.",), ok=False)
    assert [(entry.action, entry.subject, dict(entry.detail)) for entry in reversed(await room.audited())] == [
        (AuditAction.FILTER_ADDED, "Zog*", {"before": None, "effect": "hold"}),
        (AuditAction.FILTER_ADDED, "zog*", {"before": "hold", "effect": "reject"}),
        (AuditAction.FILTER_ADDED, "zoggery", {"before": None, "effect": "allow"}),
        (AuditAction.FILTER_ADDED, "blim", {"before": None, "effect": "hold"}),
        (AuditAction.FILTER_REMOVED, "zog*", {"effect": "reject"}),
    ]


@pytest.mark.parametrize(
    ("keyword", "meaning"),
    [
        ("zog", "the word “zog”"),
        ("*zog", "a word that ends in “zog”"),
        ("*zog*", "“zog” anywhere (even inside a word)"),
        ("pink zog", "the phrase “pink zog”"),
        ("pink zog*", "a phrase that begins with “pink zog”"),
    ],
)
async def test_the_answer_says_what_a_keyword_means(room: Room, keyword: str, meaning: str) -> None:
    assert meaning in (await room.desk.filter_add(MOD, keyword, None)).text


async def test_a_star_inside_is_explained(room: Room) -> None:
    assert "inside, it is a star" in (await room.desk.filter_add(MOD, "z*g", None)).text


@pytest.mark.parametrize(
    ("keyword", "sentence"),
    [
        ("", "There is nothing to see in this keyword."),
        ("***", "Stars alone would stop every prompt. Add the word they belong to."),
        ("x" * 61, "A keyword has at most 60 characters."),
    ],
)
async def test_bad_keywords_get_a_sentence(room: Room, keyword: str, sentence: str) -> None:
    assert await room.desk.filter_add(MOD, keyword, None) == Reply((sentence,), ok=False)
    assert await room.audited() == ()


async def test_a_rule_and_its_own_exception(room: Room) -> None:
    await room.desk.filter_add(MOD, "zog", None)
    reply = await room.desk.filter_add(MOD, "zog", Action.ALLOW)
    assert reply == Reply(("“zog” has the opposite effect now. Remove it first, then add it again.",), ok=False)
    assert not (await room.desk.filter_add(MOD, "zog", Action.BLUR)).ok


async def test_a_full_list_says_so(room: Room) -> None:
    def fill(db: SqliteDatabase) -> None:
        for number in range(100):
            db.execute(
                "INSERT INTO filter_rules (workspace, keyword, folded, effect, actor, at)"
                " VALUES ('discord:1', ?, ?, 'allow', '', 1)",
                [f"zog{number}", f"zog{number}"],
            )

    await room.database.write(fill)
    reply = await room.desk.filter_add(MOD, "one more", Action.ALLOW)
    assert reply == Reply(("There is room for 1,000 keywords and 100 allowed phrases. Remove one first.",), ok=False)


async def test_a_long_list_fits_a_message(room: Room) -> None:
    for number in range(60):
        await room.desk.filter_add(MOD, f"{'zog' * 15}{number}", None)
    reply = await room.desk.filter_list(MOD)
    assert len(reply.text) < 1_000
    assert reply.text.startswith("Held (60): “zogzog")
    assert reply.text.endswith(" more.")


async def test_testing_a_text_shows_what_fires_where_and_what_would_happen(room: Room) -> None:
    desk = room.desk
    assert (await desk.filter_test(MOD, "anything")).lines == ("This would go through.",)
    await desk.filter_add(MOD, "zog*", None)
    await desk.filter_add(MOD, "blim", Action.REJECT)
    await desk.filter_add(MOD, "zoggery", Action.ALLOW)
    assert (await desk.filter_test(MOD, "A Zogling near the zoggery")).lines == (
        "This would be held.",
        "“zog*” (held): A [Zogling] near the zoggery (from character 3)",
        "“zog*” does not count, since “zoggery” is allowed: A Zogling near the [zoggery] (from character 20)",
    )
    long = await desk.filter_test(MOD, "a very long way before bl\u200bim and a long way after it too")
    assert long.lines == (
        "This would be rejected.",
        "“blim” (rejected): …long way before [blim] and a long way… (from character 24)",
    )
    many = await desk.filter_test(MOD, "blim " * 30)
    assert len(many.lines) == 12
    assert many.lines[-1] == "And 20 more."
    assert len(await room.audited()) == 3, "testing changes nothing"


async def test_testing_has_limits(room: Room) -> None:
    assert not (await room.desk.filter_test(MOD, " \u200b ")).ok
    assert (await room.desk.filter_test(MOD, "x" * 4_001)).text == (
        "The text is 4,001 characters long; the limit is 4,000."
    )


async def test_timeouts_and_bans(room: Room) -> None:
    desk = room.desk
    timed_out = await desk.sanction_timeout(MOD, ALICE, 192, "spam")
    (entry,) = await room.audited()
    assert timed_out == Reply(
        (f"@alice cannot ask for pictures until 21 Nov 00:00 UTC (in 3 h 12 min). Reason: “spam”. Case {entry.case}.",)
    )
    assert (entry.action, dict(entry.detail)) == (AuditAction.TIMED_OUT, {"reason": "spam", "until": MIDNIGHT})

    banned = await desk.sanction_ban(MOD, ALICE, "")
    case = (await room.audited())[0].case
    assert banned.lines == (f"@alice cannot ask for pictures until the ban is lifted. Case {case}.",)
    assert await desk.sanction_timeout(MOD, ALICE, 5, "") == Reply(
        (f"@alice is banned (case {case}). Lift the ban first to set a timeout.",), ok=False
    )
    assert await desk.sanction_lift(MOD, ALICE) == Reply(
        (f"@alice can ask for pictures again. The ban is lifted (case {case}).",)
    )
    assert await desk.sanction_lift(MOD, ALICE) == Reply(("@alice is under no timeout or ban.",), ok=False)
    assert [each.action for each in await room.audited()] == [
        AuditAction.LIFTED,
        AuditAction.BANNED,
        AuditAction.TIMED_OUT,
    ]


@pytest.mark.parametrize("minutes", [0, -1, 28 * 24 * 60 + 1])
async def test_a_timeout_has_limits(room: Room, minutes: int) -> None:
    reply = await room.desk.sanction_timeout(MOD, ALICE, minutes, "")
    assert reply == Reply(("A timeout lasts from 1 minute to 28 days (40,320 minutes).",), ok=False)


async def test_a_reason_has_limits(room: Room) -> None:
    assert not (await room.desk.sanction_ban(MOD, ALICE, "x" * 201)).ok
    assert not (await room.desk.sanction_timeout(MOD, ALICE, 5, "x" * 201)).ok
    assert await room.audited() == ()


async def test_a_case_shows_the_stopped_prompt_and_looking_leaves_a_trace(room: Room) -> None:
    await room.desk.filter_add(MOD, "zog", None)

    def stop(db: SqliteDatabase) -> str:
        check = check_prompt(room.rules.load(db, "discord:1"), "a zog")
        return open_case(
            db,
            CaseKind.PROMPT,
            workspace="discord:1",
            account=ALICE_ASKS.account,
            now=NOW,
            verdict=check.verdict,
            prompt="a zog",
        )

    case = await room.database.write(stop)
    assert (await room.desk.case_show(MOD, case.lower())).lines == (
        f"Case {case}: a prompt that was stopped, 20 Nov 20:48 UTC, member 7.",
        "Prompt: “a zog”",
        "The keyword “zog” is in the prompt.",
    )
    newest = (await room.audited())[0]
    assert (newest.action, newest.case, newest.actor) == (AuditAction.CASE_READ, case, "discord:1:99")
    again = await room.desk.case_show(MOD, case)
    assert again.lines[-1] == "20 Nov 20:48 UTC: The case was read by 99"
    assert await room.desk.case_show(OTHER_MOD, case) == Reply(("There is no such case here.",), ok=False)


async def test_a_sanctions_case_shows_who_and_why(room: Room) -> None:
    await room.desk.sanction_ban(MOD, ALICE, "spam")
    (entry,) = await room.audited()
    assert entry.case is not None
    reply = await room.desk.case_show(MOD, entry.case)
    assert reply.lines == (
        f"Case {entry.case}: a sanction, 20 Nov 20:48 UTC, member 7.",
        "20 Nov 20:48 UTC: A ban was set by 99: spam",
    )


COMMANDS: list[Callable[[ModeratorsDesk, Actor], Awaitable[Reply]]] = [
    lambda desk, actor: desk.quota_show(actor, ALICE),
    lambda desk, actor: desk.quota_set(actor, Scope.SERVER, None, 5),
    lambda desk, actor: desk.quota_set(actor, Scope.SERVER, None, -5),
    lambda desk, actor: desk.quota_grant(actor, ALICE, 5, ""),
    lambda desk, actor: desk.filter_add(actor, "zog", None),
    lambda desk, actor: desk.filter_remove(actor, "blim"),
    lambda desk, actor: desk.filter_list(actor),
    lambda desk, actor: desk.filter_test(actor, "zog"),
    lambda desk, actor: desk.sanction_timeout(actor, ALICE, 5, ""),
    lambda desk, actor: desk.sanction_ban(actor, ALICE, ""),
    lambda desk, actor: desk.sanction_lift(actor, ALICE),
    lambda desk, actor: desk.case_show(actor, "4F2K"),
]


@pytest.mark.parametrize("command", COMMANDS)
async def test_nobody_else_may(room: Room, command: Callable[[ModeratorsDesk, Actor], Awaitable[Reply]]) -> None:
    await room.desk.filter_add(MOD, "blim", None)
    before = await room.audited()
    reply = await command(room.desk, NOBODY)
    assert reply == Reply(("Only moderators can do that here.",), ok=False)
    assert await room.audited() == before


async def test_a_moderator_reaches_no_other_workspace(room: Room) -> None:
    await room.desk.filter_add(OTHER_MOD, "zog", None)
    await room.desk.quota_set(OTHER_MOD, Scope.SERVER, None, 1)
    await room.desk.sanction_ban(OTHER_MOD, ALICE, "")
    await room.desk.quota_grant(OTHER_MOD, ALICE, 5, "")
    assert (await room.desk.my_quota(ALICE_ASKS)).lines[0] == "40 of 40 pictures left today."
    assert (await room.desk.filter_test(MOD, "zog")).lines == ("This would go through.",)
    assert not (await room.desk.sanction_lift(MOD, ALICE)).ok
    assert await room.audited() == ()
    assert len(await room.audited("discord:2")) == 4
