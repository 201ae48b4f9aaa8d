"""The moderators' commands and a member's own quota: what reaches the desk, and who is a moderator."""

from typing import Any

import pytest

from bot.discord.adapter import DiscordAdapter
from bot.services import Actor, Reply, Target
from generation.quota import Scope
from moderation.verdict import Action
from tests.integration.discord.conftest import connected
from tests.integration.discord.front import Front
from tests.peers.discord import DiscordPeer

MANAGE_GUILD, ADMINISTRATOR = 1 << 5, 1 << 3


async def test_quota_for_oneself_is_answered_to_oneself(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter
) -> None:
    front.desk.reply = Reply(("You have 36 of 40 pictures left today.",))
    handle = await peer.interaction("quota")
    await peer.until(lambda: bool(handle.message and not handle.message.loading))
    assert handle.message is not None
    assert handle.message.ephemeral
    assert handle.message.text == "You have 36 of 40 pictures left today."
    name, (requester,) = front.desk.calls[0]
    assert name == "my_quota"
    assert getattr(requester, "user_id", None) == str(peer.member_id)


@pytest.mark.parametrize(
    ("command", "options", "name", "given"),
    [
        ("quota-show", {"member": "BOB"}, "quota_show", ["BOB"]),
        ("quota-set", {"pictures": 20}, "quota_set", [Scope.SERVER, None, 20]),
        ("quota-set", {"pictures": 20, "who": "EVERYONE"}, "quota_set", [Scope.SERVER, None, 20]),
        ("quota-set", {"pictures": 0, "who": "ROLE"}, "quota_set", [Scope.ROLE, "ROLE", 0]),
        ("quota-set", {"pictures": 7, "who": "BOB"}, "quota_set", [Scope.MEMBER, "BOB", 7]),
        ("quota-set", {"who": "BOB"}, "quota_set", [Scope.MEMBER, "BOB", None]),
        ("quota-set", {"who": "EVERYONE"}, "quota_set", [Scope.SERVER, None, None]),
        ("quota-grant", {"member": "BOB", "pictures": 5, "reason": "won"}, "quota_grant", ["BOB", 5, "won"]),
        ("quota-grant", {"member": "BOB", "pictures": 5}, "quota_grant", ["BOB", 5, ""]),
        ("filter add", {"keyword": "glorp*"}, "filter_add", ["glorp*", None]),
        ("filter add", {"keyword": "glorp", "effect": "reject"}, "filter_add", ["glorp", Action.REJECT]),
        ("filter add", {"keyword": "glorp", "effect": "allow"}, "filter_add", ["glorp", Action.ALLOW]),
        ("filter add", {"keyword": "glorp", "effect": "hold"}, "filter_add", ["glorp", Action.HOLD]),
        ("filter remove", {"keyword": "glorp"}, "filter_remove", ["glorp"]),
        ("filter list", {}, "filter_list", []),
        ("filter test", {"text": "a glorp"}, "filter_test", ["a glorp"]),
        ("filter case", {"case": "4F2K"}, "case_show", ["4F2K"]),
        ("sanction timeout", {"member": "BOB", "minutes": 60, "reason": "r"}, "sanction_timeout", ["BOB", 60, "r"]),
        ("sanction ban", {"member": "BOB"}, "sanction_ban", ["BOB", ""]),
        ("sanction lift", {"member": "BOB"}, "sanction_lift", ["BOB"]),
    ],
)
async def test_every_moderators_command_reaches_the_desk(  # noqa: PLR0917 - fixtures are arguments
    peer: DiscordPeer, front: Front, command: str, options: dict[str, Any], name: str, given: list[object]
) -> None:
    bob, role = peer.add_member("bob"), peer.add_role("painters")
    whom = {"BOB": bob, "ROLE": role, "EVERYONE": peer.store.guild_id}
    expected = [Target(str(whom[v]), "@bob" if v == "BOB" else "@painters") if v in whom else v for v in given]
    async with connected(peer, front):
        handle = await peer.interaction(
            command, {key: whom.get(value, value) for key, value in options.items()}, permissions=MANAGE_GUILD
        )
        await peer.until(lambda: bool(handle.message and not handle.message.loading))
    assert handle.message is not None
    assert handle.message.ephemeral
    assert handle.message.text == "Done."
    called, (actor, *rest) = front.desk.calls[0]
    assert called == name
    assert rest == expected
    assert isinstance(actor, Actor)
    assert actor.moderator
    assert actor.name == "@alice"
    assert peer.refused == []


@pytest.mark.parametrize(
    ("permissions", "moderator"),
    [(0, False), (MANAGE_GUILD, True), (ADMINISTRATOR, True), (1 << 13 | 1 << 40, False)],
    ids=["member", "manage server", "administrator", "other rights"],
)
async def test_who_is_a_moderator_is_read_from_each_use(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter, permissions: int, *, moderator: bool
) -> None:
    """An admin may have opened the command to anybody in Discord's settings; that alone makes no moderator."""
    await peer.interaction("filter list", permissions=permissions)
    await peer.until(lambda: bool(front.desk.calls))
    actor = front.desk.calls[0][1][0]
    assert isinstance(actor, Actor)
    assert actor.moderator is moderator


async def test_a_setting_is_not_taken_back_by_an_empty_command(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter
) -> None:
    handle = await peer.interaction("quota-set", {}, permissions=MANAGE_GUILD)
    await peer.until(lambda: bool(handle.private))
    assert handle.private[0].text.startswith("Say how many pictures a day")
    assert front.desk.calls == []


async def test_an_answer_neither_pings_nor_formats(peer: DiscordPeer, front: Front, adapter: DiscordAdapter) -> None:
    front.desk.reply = Reply(("@everyone **x** <@1> https://evil.example",))
    handle = await peer.interaction("filter list", permissions=MANAGE_GUILD)
    await peer.until(lambda: bool(handle.message and not handle.message.loading))
    assert handle.message is not None
    assert handle.message.text == r"\@everyone \*\*x\*\* \<\@1\> https\://evil.example"
    assert peer.store.calls[-1].body["allowed_mentions"] == {"parse": []}


async def test_a_long_answer_comes_as_a_file(peer: DiscordPeer, front: Front, adapter: DiscordAdapter) -> None:
    front.desk.reply = Reply(tuple(f"glorp{number}*" for number in range(1000)))
    handle = await peer.interaction("filter list", permissions=MANAGE_GUILD)
    await peer.until(lambda: bool(handle.message and not handle.message.loading))
    assert handle.message is not None
    assert handle.message.text == "The whole answer is in the file."
    assert handle.message.uploads[0].data.decode() == front.desk.reply.text


async def test_a_bug_in_the_desk_is_one_sentence_in_the_same_message(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter, caplog: pytest.LogCaptureFixture
) -> None:
    front.desk.error = RuntimeError("a bug of ours")
    handle = await peer.interaction("filter test", {"text": "a secret text"}, permissions=MANAGE_GUILD)
    await peer.until(lambda: bool(handle.message and not handle.message.loading))
    assert handle.message is not None
    assert handle.message.text.startswith("Something went wrong on our side.")
    assert "a secret text" not in caplog.text


async def test_a_member_who_left_can_still_be_sanctioned(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter
) -> None:
    await peer.interaction("sanction ban", {"member": 4242}, permissions=MANAGE_GUILD)
    await peer.until(lambda: bool(front.desk.calls))
    assert front.desk.calls[0][1][1] == Target("4242", "@member242")
