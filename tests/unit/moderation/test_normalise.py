"""What cleaning takes away, what it must leave, and what a view folds."""

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.normalise import clean, view, views

# Any character at all, with those that cleaning is about drawn often enough to meet each other.
TEXT = st.text(
    st.characters()
    | st.sampled_from(
        "a Aé\u0301\u200b\u200d\u200c\ufe0f\u00ad\u202e\u2066\x00\n\t❤👩🔥1\u20e3ｶﾞ\u1100\u1161가\ud800می"
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("  a  red\n\n boat\t", "a red boat"),
        ("a\x00red\x1bboat\x7f", "a red boat"),
        ("zor\u200bgle", "zorgle"),
        ("zor\u00adgle", "zorgle"),
        ("\u202egreen\u202c \u2066boat\u2069", "green boat"),
        ("cafe\u0301", "café"),
        ("\U000e0041\U000e0042tags", "tags"),
        ("half \ud83d pair", "half pair"),
        ("no\uffffchar\ufdd0acter", "nocharacter"),
        ("wide\u3000space", "wide space"),
        ("@everyone <!channel> **bold**", "@everyone <!channel> **bold**"),
        ("\u200b\u200d\ufe0f\u2800\u3164", ""),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_goes_and_the_rest_stays(written: str, cleaned: str) -> None:
    assert clean(written) == cleaned


@pytest.mark.parametrize(
    "written",
    [
        "👩\u200d🚀",
        "❤\ufe0f\u200d🔥",
        "🏳\ufe0f\u200d🌈",
        "👩🏽\u200d⚕\ufe0f",
        "🙂\u200d↔\ufe0f",
        "1\ufe0f\u20e3",
        "می\u200cخواهم",  # Persian, with the joiner it is spelled with
        "ක්\u200dෂ",  # Sinhala, likewise
        "猫が好き",
        "Привет, мир",
        "😀😀😀",
    ],
)
def test_spelling_and_emoji_are_left_whole(written: str) -> None:
    assert clean(written) == unicodedata.normalize("NFC", written)


@pytest.mark.parametrize("written", ["a\u200db", "a\ufe0fb", "👩\u200d", "\u200d🚀", "👩\u200d\u200d", "a\u200c"])
def test_joiners_elsewhere_go(written: str) -> None:
    assert not set(clean(written)) & {"\u200c", "\u200d", "\ufe0f"}


@given(TEXT)
def test_cleaning_twice_is_cleaning_once_and_leaves_nothing_that_cannot_be_sent(written: str) -> None:
    cleaned = clean(written)
    assert clean(cleaned) == cleaned
    cleaned.encode()
    assert cleaned == cleaned.strip()
    assert not [char for char in cleaned if unicodedata.category(char) in {"Cc", "Cs"} or "\u202a" <= char <= "\u202e"]


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("ZORGLE", "zorgle"),
        ("ｚｏｒｇｌｅ", "zorgle"),
        ("𝐙𝐨𝐫𝐠𝐥𝐞", "zorgle"),
        ("Ⓩorgle", "zorgle"),
        ("zörglé", "zorgle"),
        ("z\u0300\u0316o\u0336rgle", "zorgle"),
        ("zor\u200dgle", "zorgle"),
        ("Straße", "strasse"),
        ("pink ´zog ¨", "pink zog "),
        ("İ", "i"),
        ("ﬁ", "fi"),
        ("ΚΑΛΗΜΈΡΑ", "καλημερα"),
        ("мой", "мой"),
        ("за\u0301мок", "замок"),
        ("がギ", "がギ"),
        ("ｶﾞ", "ガ"),
        ("กี่", "กี่"),
        ("고양이", "고양이"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_a_view_folds_latin_and_leaves_other_scripts_as_they_are(written: str, seen: str) -> None:
    assert view(written).text == unicodedata.normalize("NFKC", seen)


@given(TEXT)
def test_every_character_of_a_view_comes_from_somewhere_in_order(written: str) -> None:
    for seen in views(written):
        assert len(seen.text) == len(seen.starts) == len(seen.ends)
        assert all(0 <= start < end <= len(written) for start, end in zip(seen.starts, seen.ends, strict=True))
        assert list(seen.starts) == sorted(seen.starts)
        assert list(seen.ends) == sorted(seen.ends)


@given(TEXT)
def test_a_view_of_a_view_is_the_same(written: str) -> None:
    seen = view(written).text
    assert view(seen).text == seen


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_folding_piece_by_piece_is_folding_the_whole(written: str) -> None:
    """The offsets are only right if normalisation never reaches over the cuts between the pieces."""
    seen = view(written)
    cuts = sorted({0, len(written), *seen.starts})
    pieces = [written[start:end] for start, end in itertools.pairwise(cuts)]
    joined = "".join(unicodedata.normalize("NFKC", piece) for piece in pieces)
    assert joined == unicodedata.normalize("NFKC", written)


def test_the_original_span_is_what_was_written() -> None:
    written = "a Ｚö\u00adrgle here"
    seen = view(written)
    at = seen.text.index("zorgle")
    start, end = seen.original(at, at + 6)
    assert written[start:end] == "Ｚö\u00adrgle"
