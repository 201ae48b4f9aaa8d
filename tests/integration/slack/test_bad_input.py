"""What should not be sent: each gets a clear sentence or a logged rejection, and nothing breaks."""

import html
from typing import Any

import pytest

from bot.slack.adapter import SlackAdapter
from tests.integration.slack.front import Front
from tests.peers.slack import SlackPeer


def _escaped(text: str) -> str:
    """As Slack passes a command's text on when `should_escape` is set."""
    return html.escape(text, quote=False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The prompt is empty. Say what you would like to see."),
        ("   ", "The prompt is empty. Say what you would like to see."),
        ("\x00\x01\x1b", "The prompt is empty. Say what you would like to see."),
        ("x" * 4000, "The prompt is 4,000 characters long; the limit is 1,000."),
        ("a boat --model nope", "No model here is called “nope”."),
        ("a boat --size 9x9", "Tiny does not draw “9x9”."),
        ("a boat --size <!channel>", "Tiny does not draw “@channel”."),
        ("a boat --seed -5", "A seed is a whole number from 0 to 4,294,967,295."),
        ("a boat --seed 4294967296", "A seed is a whole number from 0 to 4,294,967,295."),
        ("a boat --seed " + "9" * 5000, "The number after --seed is too long."),
        ("a boat --seed seven", "The option --seed takes a whole number, like --seed 2, not “seven”."),
        ("a boat --count 0", "This model draws 1 to 4 pictures at a time."),
        ("a boat --count 99", "This model draws 1 to 4 pictures at a time."),
        ("a boat --seed", "The option --seed needs a value after it."),
        ("a boat --seed 1 --seed 2", "The option --seed is there twice. Once is enough."),
        (
            "a boat --sede 7",
            "There is no option --sede; there are --model, --size, --seed and --count. Did you mean --seed?",
        ),
    ],
)
async def test_it_is_answered_with_a_sentence_to_the_member_alone(
    adapter: SlackAdapter, peer: SlackPeer, text: str, says: str
) -> None:
    await peer.command("/imagine", text)
    assert (await peer.until_ephemeral()).words.startswith(says)
    assert not peer.messages()
    assert not peer.anything_pings()


@pytest.mark.parametrize(
    "case",
    [  # what Slack sends, the prompt it means, and how the prompt is shown
        ("<!channel> look", "@channel look", "@channel look"),
        (_escaped("<!channel> look"), "<!channel> look", "&lt;!channel&gt; look"),
        ("<@U0BOB|bob> as a boat", "@bob as a boat", "@bob as a boat"),
        ("<#C0ART|art> <!subteam^S0DESIGN|@designers>", "#art @designers", "#art @designers"),
        ("@everyone @here", "@everyone @here", "@everyone @here"),
        ("*bold* _it_ ~no~ `code` > quote", "*bold* _it_ ~no~ `code` > quote", "*bold* _it_ ~no~ `code` &gt; quote"),
        ("<https://x.example|x.example> poster", "x.example poster", "x.example poster"),
        (_escaped("a & b &amp; c"), "a & b &amp; c", "a &amp; b &amp;amp; c"),
        ("a \x00boat\x07", "a \x00boat\x07", "a boat"),
        ("a \u202eboat\u2066", "a \u202eboat\u2066", "a boat"),
        ("🚤🌆", "🚤🌆", "🚤🌆"),
        (":tada: \\n %s {x} ${y}", ":tada: \\n %s {x} ${y}", ":tada: \\n %s {x} ${y}"),
    ],
)
async def test_it_is_drawn_as_it_was_meant_and_shown_letter_by_letter(
    adapter: SlackAdapter, peer: SlackPeer, front: Front, case: tuple[str, str, str]
) -> None:
    text, prompt, shown = case
    await peer.command("/imagine", text)
    message = await peer.until_message()
    assert front.asks[0].prompt == prompt
    first = message.blocks[0]["text"]
    assert first == {"type": "plain_text", "text": f"alice: “{shown}”", "emoji": False}
    assert not peer.anything_pings()


async def test_a_members_name_cannot_ping_either(adapter: SlackAdapter, peer: SlackPeer) -> None:
    peer.space.users["U0ALICE"].name = "<!channel> *al*"
    await peer.command("/imagine", "a boat")
    message = await peer.until_message()
    assert message.words.startswith("&lt;!channel&gt; *al*: “a boat”")
    assert not peer.anything_pings()


@pytest.mark.parametrize("missing", ["user_id", "team_id", "channel_id", "trigger_id"])
async def test_a_command_without_its_ids_is_acknowledged_logged_and_answered(
    adapter: SlackAdapter, peer: SlackPeer, front: Front, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    payload = peer.command_payload("/imagine", "a secret boat")
    del payload[missing]
    await (await peer.sockets.send("slash_commands", payload)).until_acked()
    assert (await peer.until_ephemeral()).words == "Slack sent this command in a form I cannot read. Try again."
    assert not front.asks
    assert "without the ids" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "sent",
    [  # the envelope's type and payload
        ("slash_commands", {"command": "/imagine"}),
        ("slash_commands", {"command": "/imagine", "text": ["a"], "user_id": {}, "team_id": 7, "trigger_id": None}),
        ("slash_commands", {}),
        ("interactive", {"type": "block_actions", "actions": [{"action_id": "cancel_request", "type": "button"}]}),
        ("interactive", {"type": "block_actions", "actions": []}),
        ("interactive", {"type": "unheard_of"}),
        ("events_api", {"type": "event_callback", "event": {"type": "unheard_of", "text": "a secret boat"}}),
        ("events_api", {"type": "event_callback"}),
    ],
)
async def test_malformed_payloads_leave_the_bot_working(
    adapter: SlackAdapter,
    peer: SlackPeer,
    front: Front,
    sent: tuple[str, dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await peer.sockets.send(*sent)
    for raw in ("not json", "[1, 2]", '{"type": 7}', "{", ""):
        await peer.sockets.send_raw(raw)
    await peer.command("/imagine", "a boat")
    await peer.until_message()
    assert len(front.asks) == 1
    assert "secret" not in caplog.text


async def test_what_nothing_here_handles_is_not_acknowledged(adapter: SlackAdapter, peer: SlackPeer) -> None:
    """Bolt acknowledges only what a listener takes; Slack then says so to whoever caused it."""
    stray = await peer.sockets.send("interactive", {"type": "shortcut", "callback_id": "x", "team": {"id": "T0PEER"}})
    await peer.command("/imagine", "a boat")
    await peer.until_message()
    assert not stray.acked.is_set()
