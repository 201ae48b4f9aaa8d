"""Whatever is said, Slack takes it, and nothing in it pings."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack import blocks
from generation.backends.understood import understood
from tests.making_jobs import local_entry
from tests.peers.slack.checks import check_blocks, check_message, pings
from tests.peers.slack.state import texts_in

TEXT = st.text(max_size=200) | st.sampled_from(["<!channel>", "&" * 6000, "\x00", "", "<@U1> *b* `c`", "🚤" * 5000])
LINES = st.lists(TEXT, max_size=80)


@given(TEXT, TEXT, LINES)
def test_slack_takes_every_message(headline: str, line: str, lines: list[str]) -> None:
    for message in (
        blocks.waiting(headline, line, "slack-1", "U1"),
        blocks.passing(line),
        blocks.ended(headline, lines),
        blocks.said([headline, *lines]),
    ):
        check_message(message["text"], message["blocks"])
        assert message["text"].strip()
        assert not pings(message["text"], message["blocks"])
    check_blocks(blocks.caption(headline, lines))


@pytest.mark.parametrize("word", ["<!channel>", "<@U1>", "<https://evil.example|x>", "*loud* `code`", "&lt;!here&gt;"])
def test_a_members_words_in_a_note_stay_plain(word: str) -> None:
    """Notes hold words of the prompt: the model's own sentence takes only letters, and any sentence is plain text."""
    made = understood(local_entry({"shipped": "starter"}), f"boat {word}", 100)
    for note in (*made, f"Understood: {word}", word):
        (section,) = blocks.caption("alice: “a boat”", [note])
        assert section["text"]["type"] == "plain_text"
        assert not re.search(r"[<>]", section["text"]["text"])
        assert html.unescape(section["text"]["text"]).splitlines()[-1] == note


def test_a_long_answer_is_cut_between_lines_and_nothing_is_lost() -> None:
    lines = [f"{number} & more" for number in range(1000)]
    said = texts_in(blocks.said(lines)["blocks"])
    assert len(said) > 1
    assert "\n".join(said).split("\n") == [line.replace("&", "&amp;") for line in lines]


@pytest.mark.parametrize(
    ("prompt", "name", "quoted"),
    [
        ("a boat", "alice", "alice: “a boat”"),
        ("a  boat\nat sea", "", "“a boat at sea”"),
        ("x" * 500, "al", f"al: “{'x' * 279}…”"),
    ],
)
def test_quote(prompt: str, name: str, quoted: str) -> None:
    assert blocks.quote(prompt, name) == quoted


@pytest.mark.parametrize(
    ("value", "found"), [("U1 slack-2", ("U1", "slack-2")), ("U1", None), ("", None), (" slack-2", None)]
)
def test_a_buttons_value(value: str, found: tuple[str, str] | None) -> None:
    assert blocks.owner_and_request(value) == found


def test_a_placeholders_button_says_whose_it_is() -> None:
    button = blocks.waiting("h", "l", "slack-2", "U1")["blocks"][2]["elements"][0]
    assert blocks.owner_and_request(button["value"]) == ("U1", "slack-2")
