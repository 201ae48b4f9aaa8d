import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.discord.text import LONGEST_PROMPT, escape, quoted, small

# Markdown and mentions of Discord, wherever no backslash stands before them.
LIVE = re.compile(r"(?<!\\)(?:\\\\)*(\*|_|~|`|\||<|\[|@|https?://)")
LINE_LIVE = re.compile(r"(?m)^\s*(#{1,3} |-# |[-+] |\d+[.)] |>)")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a red boat, 40 % done: fine - really. 3.2 s · x", "a red boat, 40 % done: fine - really. 3.2 s · x"),
        ("**bold** `code`", r"\*\*bold\*\* \`code\`"),
        ("@everyone <@1>", r"\@everyone \<\@1\>"),
        ("[x](https://a.b)", r"\[x\](https\://a.b)"),
        ("# big\n- one\n2. two\n-# small", "\\# big\n\\- one\n2\\. two\n\\-# small"),
        ("> quote", r"\> quote"),
        ("discord.gg/x", r"discord\.gg/x"),
        ("a\x00b\x1b\u202ec\ud800", "abc"),
        ("🚣‍♀️", "🚣‍♀️"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_text_is_shown_letter_by_letter(text: str, shown: str) -> None:
    assert escape(text) == shown


@given(st.text(alphabet=st.sampled_from("ab \n\\*_~`|<>[]()#@+-.1:/h\u202e\x00tps")))
def test_nothing_live_is_left_of_any_text(text: str) -> None:
    shown = escape(text)
    assert not LIVE.search(shown)
    assert not LINE_LIVE.search(shown)


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=60))
def test_nothing_but_backslashes_and_directions_is_changed(text: str) -> None:
    directions = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
    assert escape(text).replace("\\", "") == directions.sub("", text).replace("\\", "")


def test_a_prompt_is_one_short_quoted_line() -> None:
    assert quoted("a red\n\nboat") == "> a red boat"
    assert len(quoted("x" * 5000)) == LONGEST_PROMPT + 2
    assert quoted("  \n ") == ""
    assert quoted("\u202e") == ""


def test_small_print_is_one_line() -> None:
    assert small("a\nb *c*") == r"-# a b \*c\*"
