"""What a prompt is, once cleaned, and how it is looked at.

Owns `clean`, the text that is checked and that the model gets, and `views`, the forms in which rules look at it. Pure:
it must not know rules, verdicts or storage.

The two differ on purpose. Cleaning only takes away what a person cannot see, so that nobody is surprised by what is
drawn. A view may fold far more (case, width, accents), because it is only compared, never shown; every character of a
view knows which characters of the text it came from, so that a moderator is shown what was written. To look at text
in one more way (look-alike letters, leet, spaced letters) add a view to `views`.

Facts: default-ignorable code points are Unicode 17's DerivedCoreProperties, `Default_Ignorable_Code_Point`.
"""

import unicodedata
from dataclasses import dataclass

# Soft hyphen, joiners, bidi controls, fillers, variation selectors, tags: nothing is seen where they stand. U+FFF9 to
# U+FFFB, which bracket annotations, are none by the standard but as invisible.
_IGNORABLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
# Marks that any letter of any script may carry. The marks of one script's own spelling (Thai vowels, say) are others.
_GENERIC_MARKS = ((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F))
# Arabic to Sinhala: there a joiner between two letters is spelling (Persian plurals, Indic conjuncts), not a trick.
_JOINING_SCRIPTS = ((0x0600, 0x0DFF),)
_HANGUL_VOWELS_AND_TAILS = ((0x1160, 0x11FF), (0xD7B0, 0xD7FF))
_PICTOGRAPHS = ((0x1F000, 0x1FAFF),)

_NON_JOINER, _JOINER, _KEYCAP, _BRAILLE_BLANK = "\u200c", "\u200d", "\u20e3", "\u2800"
_SELECTORS = ("\ufe0e", "\ufe0f")  # text or emoji presentation
# Emoji that are not symbols by category: !! !? i and the wavy dash.
_ODD_EMOJI = "\u203c\u2049\u2139\u3030"


@dataclass(frozen=True, slots=True)
class View:
    """`text` in a folded form. Character i of it came from characters `starts[i]` to `ends[i]` of what was written."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the text that the non-empty span `start` to `end` of this view came from."""
        return self.starts[start], self.ends[end - 1]


def clean(prompt: str) -> str:
    """The prompt without what cannot be seen: NFC, one space between words, none around.

    Control characters and line breaks become spaces; bidi controls, default-ignorable code points, lone surrogates and
    non-characters go. Joiners and variation selectors stay where they are spelling: inside an emoji, and between
    letters of scripts that are written with them. Cleaning twice is cleaning once.
    """
    kept: list[str] = []
    for index, char in enumerate(prompt):
        following = prompt[index + 1 : index + 2]
        if char.isspace() or char == _BRAILLE_BLANK or unicodedata.category(char) in {"Cc", "Zl", "Zp", "Zs"}:
            kept.append(" ")
        elif not _within(char, _IGNORABLE):
            # What stands for no character (half of a pair, U+FFFF) could not be stored or sent as UTF-8.
            if unicodedata.category(char) != "Cs" and ord(char) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(char) < 0xFDF0:
                kept.append(char)
        elif kept and _is_spelling(kept[-1], char, following):
            kept.append(char)
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split())


def view(text: str) -> View:
    """The matching view: NFKC, ignorables dropped, case folded, accents off Latin and Greek letters.

    Other scripts are left as they are written but for marks that do not belong to them: a Cyrillic short i is not an
    i, while a stress mark on any Cyrillic letter goes. Words stay where they were, with one space between.
    """
    visible = [(index, char) for index, char in enumerate(text) if not _within(char, _IGNORABLE)]
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for segment in _segments(visible):
        for char in _fold("".join(char for _, char in segment)):
            # Some signs fold to a space and a mark (´ for one), and two spaces are no phrase's.
            if char == " " and folded[-1:] == [" "]:
                continue
            folded.append(char)
            starts.append(segment[0][0])
            ends.append(segment[-1][0] + 1)
    return View("".join(folded), tuple(starts), tuple(ends))


def views(text: str) -> tuple[View, ...]:
    """Every form in which rules look at the text; a rule fires when it fires in any of them."""
    return (view(text),)


def _segments(chars: list[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """Cut where normalising cannot reach across: NFKC of the whole is then NFKC of the parts, one after another."""
    segments: list[list[tuple[int, str]]] = []
    for index, char in chars:
        if segments and _continues(char):
            segments[-1].append((index, char))
        else:
            segments.append([(index, char)])
    return segments


def _continues(char: str) -> bool:
    """Whether the character may combine with one before it: a mark, or the later part of a Hangul syllable."""
    if char.isascii():
        return False
    first = unicodedata.normalize("NFKD", char)[0]
    return unicodedata.category(first)[0] == "M" or _within(first, _HANGUL_VOWELS_AND_TAILS)


def _fold(segment: str) -> str:
    if segment.isascii():
        return segment.casefold()
    form = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", segment).casefold())
    # The names of Latin and Greek letters begin with their script; the standard library knows scripts no other way.
    if any(unicodedata.name(char, "").startswith(("LATIN", "GREEK")) for char in form):
        form = unicodedata.normalize("NFKD", form)
    return "".join(char for char in form if not _within(char, _GENERIC_MARKS) and not _within(char, _IGNORABLE))


def _is_spelling(before: str, char: str, after: str) -> bool:
    """Whether an ignorable character belongs where it stands, after `before` and in front of `after` (or nothing)."""
    if char in _SELECTORS:
        return _is_emoji(before) or (after == _KEYCAP and before in "0123456789#*")
    if char == _JOINER and after and (_is_emoji(before) or before in _SELECTORS) and _is_emoji(after):
        return True
    if char in {_JOINER, _NON_JOINER} and after:
        return _within(before, _JOINING_SCRIPTS) and _within(after, _JOINING_SCRIPTS)
    return False


def _is_emoji(char: str) -> bool:
    # Pictographs by number as well: Python's tables may be older than the newest of them.
    return unicodedata.category(char) in {"So", "Sm"} or _within(char, _PICTOGRAPHS) or char in _ODD_EMOJI


def _within(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    # No range above begins in ASCII, which most prompts are made of.
    return not char.isascii() and any(low <= ord(char) <= high for low, high in ranges)
