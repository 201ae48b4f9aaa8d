"""`/quota`, `/filter` and `/sanction`: their words, and who may say them."""

from typing import Any

import pytest

from bot.services import Reply, Target
from bot.slack.adapter import SlackAdapter
from generation.quota import Scope
from moderation.verdict import Action
from tests.integration.slack.conftest import RunAdapter
from tests.integration.slack.front import Front
from tests.peers.slack import SlackPeer

BOB, BOB_IS = "<@U0BOB|bob>", Target("U0BOB", "@bob")
DESIGNERS = "<!subteam^S0DESIGN|@designers>"


@pytest.mark.parametrize(
    "case",
    [  # the command, its text, the desk's method and its arguments
        ("/quota", f"show {BOB}", "quota_show", (BOB_IS,)),
        ("/quota", "show <@U0ALICE|alice>", "quota_show", (Target("U0ALICE", "@alice", ("S0DESIGN",)),)),
        ("/quota", "set everyone 20", "quota_set", (Scope.SERVER, None, 20)),
        ("/quota", "SET everyone default", "quota_set", (Scope.SERVER, None, None)),
        ("/quota", f"set {BOB} 0", "quota_set", (Scope.MEMBER, BOB_IS, 0)),
        ("/quota", f"set {DESIGNERS} 50", "quota_set", (Scope.ROLE, Target("S0DESIGN", "@designers"), 50)),
        ("/quota", f"grant {BOB} 5", "quota_grant", (BOB_IS, 5, "")),
        ("/quota", f"grant {BOB} 5 for R&amp;D", "quota_grant", (BOB_IS, 5, "for R&D")),
        ("/filter", "add florp", "filter_add", ("florp", None)),
        ("/filter", "add *flo rp* --effect reject", "filter_add", ("*flo rp*", Action.REJECT)),
        ("/filter", "add florp —effect Allow", "filter_add", ("florp", Action.ALLOW)),
        ("/filter", "remove *flo rp*", "filter_remove", ("*flo rp*",)),
        ("/filter", "list", "filter_list", ()),
        ("/filter", "test a florp &lt;3", "filter_test", ("a florp <3",)),
        ("/filter", "case 4F2K", "case_show", ("4F2K",)),
        ("/sanction", f"timeout {BOB} 60 too much florp", "sanction_timeout", (BOB_IS, 60, "too much florp")),
        ("/sanction", f"ban {BOB}", "sanction_ban", (BOB_IS, "")),
        ("/sanction", "ban <@U0BOB> enough", "sanction_ban", (Target("U0BOB", "@U0BOB"), "enough")),
        ("/sanction", f"lift {BOB}", "sanction_lift", (BOB_IS,)),
    ],
)
async def test_a_moderators_words_reach_the_desk(
    adapter: SlackAdapter, peer: SlackPeer, front: Front, case: tuple[str, str, str, tuple[Any, ...]]
) -> None:
    command, text, method, arguments = case
    delivery = await peer.command(command, text, user="U0ADMIN")
    answer = await peer.until_ephemeral(user="U0ADMIN")
    assert answer.words == f"{method}: done."
    assert front.desk.asked == [(method, arguments)]
    await delivery.until_acked()
    assert not peer.messages()


@pytest.mark.parametrize(
    "case",
    [  # the command, its text, and a part of the answer
        ("/quota", "show", "/quota set everyone 20"),
        ("/quota", "help", "/quota set everyone 20"),
        ("/quota", "nonsense", "/quota set everyone 20"),
        ("/quota", "show @bob", "pick the name from Slack's list"),
        ("/quota", f"show {DESIGNERS}", "pick the name from Slack's list"),
        ("/quota", "set @bob 5", "Say “everyone”, or write a member or a user group with @"),
        ("/quota", f"set {BOB} many", "“many” is not a number of pictures."),
        ("/quota", f"set {BOB} -1", "“-1” is not a number of pictures."),
        ("/quota", f"grant {BOB} 0", "“0” is not a number of pictures."),
        ("/quota", f"grant {BOB} {'9' * 5000}", "is not a number of pictures."),
        ("/filter", "", "/filter test some text"),
        ("/filter", "add", "/filter test some text"),
        ("/filter", "add --effect hold", "/filter test some text"),
        ("/filter", "add florp --effect burn", "A filter can hold, reject or allow; “burn” is none of these."),
        ("/filter", "add florp --effct hold", "Did you mean --effect?"),
        ("/sanction", "", "/sanction lift @member"),
        ("/sanction", f"timeout {BOB}", "/sanction lift @member"),
        ("/sanction", f"timeout {BOB} soon", "“soon” is not a number of minutes."),
        ("/sanction", "ban @bob", "pick the name from Slack's list"),
    ],
)
async def test_wrong_words_are_answered_with_the_right_ones(
    adapter: SlackAdapter, peer: SlackPeer, front: Front, case: tuple[str, str, str]
) -> None:
    command, text, says = case
    await peer.command(command, text, user="U0ADMIN")
    assert says in (await peer.until_ephemeral(user="U0ADMIN")).words
    assert not front.desk.asked


async def test_everybody_may_see_their_own_quota(adapter: SlackAdapter, peer: SlackPeer, front: Front) -> None:
    await peer.command("/quota", "  ")
    assert (await peer.until_ephemeral()).words == "36 of 40 left today."
    (method, (requester,)) = front.desk.asked[0]
    assert (method, requester.user_id, requester.role_ids) == ("my_quota", "U0ALICE", ("S0DESIGN",))


class TestWhoModerates:
    @pytest.mark.parametrize(
        "text", [("/quota", f"set {BOB} 5"), ("/filter", "list"), ("/sanction", f"ban {BOB}")], ids=lambda t: t[0]
    )
    @pytest.mark.parametrize("user", ["U0ALICE", "U0GUEST"])
    async def test_members_do_not(
        self, adapter: SlackAdapter, peer: SlackPeer, front: Front, user: str, text: tuple[str, str]
    ) -> None:
        await peer.command(*text, user=user)
        assert (await peer.until_ephemeral(user=user)).words == "Only moderators can do this."
        assert not front.desk.asked

    @pytest.mark.parametrize("user", ["U0ADMIN", "U0OWNER"])
    async def test_admins_and_owners_do(self, adapter: SlackAdapter, peer: SlackPeer, front: Front, user: str) -> None:
        await peer.command("/filter", "list", user=user)
        assert (await peer.until_ephemeral(user=user)).words == "filter_list: done."

    async def test_those_the_operator_lists_do(self, running: RunAdapter, peer: SlackPeer) -> None:
        async with running(moderator_ids=("U0BOB",)):
            await peer.command("/filter", "list", user="U0BOB")
            assert (await peer.until_ephemeral(user="U0BOB")).words == "filter_list: done."

    async def test_who_loses_the_right_has_lost_it_here_within_a_minute(
        self, adapter: SlackAdapter, peer: SlackPeer, front: Front
    ) -> None:
        await peer.command("/filter", "list", user="U0ADMIN")
        await peer.until_ephemeral(user="U0ADMIN")
        peer.space.users["U0ADMIN"].is_admin = False
        front.now += 61_000
        await peer.command("/filter", "list", user="U0ADMIN")
        assert (await peer.until_ephemeral(2, user="U0ADMIN")).words == "Only moderators can do this."

    async def test_who_left_the_workspace_does_not(self, adapter: SlackAdapter, peer: SlackPeer) -> None:
        peer.space.users["U0ADMIN"].deleted = True
        await peer.command("/filter", "list", user="U0ADMIN")
        assert (await peer.until_ephemeral(user="U0ADMIN")).words == "Only moderators can do this."

    @pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True, "count": 9}, {"error": "missing_scope"}])
    async def test_when_slack_cannot_say_nobody_does(
        self, adapter: SlackAdapter, peer: SlackPeer, front: Front, fault: dict[str, object]
    ) -> None:
        peer.fail("users.info", **fault)
        await peer.command("/filter", "list", user="U0ADMIN")
        answer = await peer.until_ephemeral(user="U0ADMIN")
        assert answer.words.startswith("Slack did not confirm just now that you are a moderator here.")
        assert not front.desk.asked


class TestRoles:
    async def test_user_groups_are_asked_for_once_in_five_minutes(
        self, adapter: SlackAdapter, peer: SlackPeer, front: Front
    ) -> None:
        for count in (1, 2):
            await peer.command("/quota")
            await peer.until_ephemeral(count)
        assert len(peer.calls("usergroups.list")) == 1
        peer.space.groups["S0DESIGN"].users.clear()
        front.now += 301_000
        await peer.command("/quota")
        await peer.until_ephemeral(3)
        assert front.desk.asked[-1][1][0].role_ids == ()

    async def test_without_the_scope_members_have_none(
        self, adapter: SlackAdapter, peer: SlackPeer, front: Front
    ) -> None:
        peer.space.scopes.remove("usergroups:read")
        await peer.command("/quota")
        await peer.until_ephemeral()
        assert front.desk.asked[0][1][0].role_ids == ()


async def test_a_long_answer_is_shown_whole(
    adapter: SlackAdapter, peer: SlackPeer, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = tuple(f"{number}: <florp> & more" for number in range(400))

    async def everything(_: object) -> Reply:
        return Reply(lines)

    # The desk is a fake already; this makes one of its answers long.
    monkeypatch.setattr(front.desk, "filter_list", everything)
    await peer.command("/filter", "list", user="U0ADMIN")
    answer = await peer.until_ephemeral(user="U0ADMIN")
    assert answer.words.count("&lt;florp&gt; &amp; more") == 400


async def test_a_command_that_only_the_manifest_knows_is_answered(adapter: SlackAdapter, peer: SlackPeer) -> None:
    delivery = await peer.command("/paint", "a boat")
    assert (await peer.until_ephemeral()).words.startswith("/paint is not one of my commands.")
    await delivery.until_acked()
