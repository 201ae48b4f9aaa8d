"""Slack's markup, in and out."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.text import escape, fit, mentioned, plain


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("\"quoted\" 'it' *bold*", "\"quoted\" 'it' *bold*"),
        ("two\nlines", "two\nlines"),
        ("a\x00b\x1bc\u202ed\u2069e\x85f", "abcdef"),
        ("שלום \u200fa", "שלום \u200fa"),
    ],
)
def test_escape_touches_three_characters_and_takes_controls_out(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"])))
def test_what_a_member_typed_comes_back_from_slacks_escaping(text: str) -> None:
    assert plain(html.escape(text, quote=False)) == text


@given(st.text(), st.integers(1, 50))
def test_fit_keeps_the_limit_and_leaves_no_half_entity(text: str, most: int) -> None:
    fitted = fit(text, most)
    assert len(fitted) <= most
    assert "<" not in fitted
    assert ">" not in fitted
    assert escape(html.unescape(fitted)) == fitted or "&" not in fitted


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("<@U1|alice> and <@U1>", "@alice and @U1"),
        ("<#C1|art>", "#art"),
        ("<!here> <!subteam^S1|@x> <!subteam^S1>", "@here @x @S1"),
        ("<https://a.example/?b=1&amp;c=2>", "https://a.example/?b=1&c=2"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("<i>not markup</i> <3 a>b", "<i>not markup</i> <3 a>b"),
        ("&copy; &amp;copy; &#39;", "&copy; &copy; &#39;"),
        ("<!date^1^{date}|x> <@bad id>", "<!date^1^{date}|x> <@bad id>"),
    ],
)
def test_plain_is_what_the_member_meant(sent: str, meant: str) -> None:
    assert plain(sent) == meant


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("<@U1|alice>", ("member", "U1", "@alice")),
        ("<@W1>", ("member", "W1", "@W1")),
        ("<!subteam^S1|@x>", ("group", "S1", "@x")),
        ("<@U1|a&amp;b>", ("member", "U1", "@a&b")),
        ("@alice", None),
        ("<#C1|art>", None),
        ("<@U1|alice>!", None),
        ("<!channel>", None),
    ],
)
def test_mentioned(word: str, found: tuple[str, str, str] | None) -> None:
    assert mentioned(word) == found
