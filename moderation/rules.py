"""Keyword rules: what a moderator may write and where it fires.

Owns `Rule`, `RuleSet` and the syntax and limits of keywords, which are Discord AutoMod's, because moderators know them
(discord-api-docs, auto-moderation.mdx, 2026-08): up to 1,000 keywords and 100 allowed phrases of 60 characters each;
`cat` is a whole word (or phrase), `cat*` the start of one, `*cat` the end of one, `*cat*` anywhere; capitals do not
matter. Pure: it must not know storage, verdicts' wording or platforms.

A word ends where letters, digits and their marks end, so `cat` fires on “cat,” and “cat's” and never inside
“scattered”. Chinese, Japanese and the scripts of Thailand and its neighbours put no spaces between words: beside their
characters a word may begin or end anywhere, so there a keyword fires wherever it is written. Katakana is the exception,
being delimited by the change of script: カロリー does not contain the word ロリ.

Matching is linear by construction: each keyword is a plain string that `str.find` looks for, and a place that is no
hit is left behind by going on to the next edge of a word. No keyword ever becomes a regular expression.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

from moderation.normalise import View, clean, view, views
from moderation.verdict import Action

MAX_KEYWORDS: Final = 1000
MAX_ALLOWED: Final = 100
MAX_CHARACTERS: Final = 60

_STAR = "*"
_WIDE_STAR = "＊"  # what an East Asian keyboard gives
# Han, Hiragana, Thai, Lao, Burmese, Khmer, Bopomofo.
_SPACELESS = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3005, 0x3007), (0x3041, 0x309F), (0x3100, 0x312F),
    (0x31A0, 0x31BF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip
_KATAKANA = ((0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF))  # without the dot that parts words


class KeywordProblem(StrEnum):
    """Why a keyword cannot be added; the sentences are in `bot.wording`."""

    EMPTY = "empty"  # nothing visible in it
    ONLY_STARS = "only_stars"
    TOO_LONG = "too_long"  # more than 60 characters
    TOO_MANY = "too_many"  # the list is full
    DUPLICATE = "duplicate"  # the same keyword with the same effect is there
    OTHER_LIST = "other_list"  # the same keyword is on the other list: a rule and its own exception


@dataclass(frozen=True, slots=True)
class Pattern:
    """A keyword ready for matching: `core` in the matching view, and whether each side must be the edge of a word."""

    core: str
    starts_word: bool
    ends_word: bool

    @property
    def folded(self) -> str:
        """The keyword in the one form that all its spellings share."""
        return ("" if self.starts_word else _STAR) + self.core + ("" if self.ends_word else _STAR)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a server's filter: `keyword` as written; `effect` HOLD or REJECT, or ALLOW on the allow-list."""

    id: int
    keyword: str
    effect: Action

    @property
    def term(self) -> str:
        """What a member is told the rule is about: the keyword without its stars."""
        return self.keyword.strip(_STAR + _WIDE_STAR).strip()


@dataclass(frozen=True, slots=True)
class Match:
    """Where a rule fired: characters `start` to `end` of the text it was given, which read `original`.

    With a star the match reaches to the edge of the word it is in.
    """

    rule: Rule
    start: int
    end: int
    original: str


@dataclass(frozen=True, slots=True)
class Excused:
    """A match that an allow-listed phrase, `by`, covers: it does not count."""

    match: Match
    by: Rule


def parse(keyword: str) -> Pattern | KeywordProblem:
    """Read a keyword in AutoMod's syntax, or say what is wrong with it."""
    written = clean(keyword).replace(_WIDE_STAR, _STAR)
    if len(written) > MAX_CHARACTERS:
        return KeywordProblem.TOO_LONG
    core = " ".join(view(written.strip(_STAR)).text.split())
    if not core.strip(f"{_STAR} "):
        return KeywordProblem.ONLY_STARS if _STAR in written else KeywordProblem.EMPTY
    return Pattern(core, starts_word=not written.startswith(_STAR), ends_word=not written.endswith(_STAR))


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A server's rules, ready for matching. Raises ValueError for a rule that could not have been added."""

    rules: tuple[Rule, ...] = ()
    allow: tuple[Rule, ...] = ()
    _compiled: tuple[tuple[Rule, Pattern], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compiled = tuple((rule, _readable(rule)) for rule in (*self.rules, *self.allow))
        object.__setattr__(self, "_compiled", compiled)

    def match(self, text: str) -> tuple[Match, ...]:
        """Every place where a rule fires and no allow-listed phrase covers it, in reading order."""
        return self.examine(text)[0]

    def examine(self, text: str) -> tuple[tuple[Match, ...], tuple[Excused, ...]]:
        """The matches that count, and those that an allow-listed phrase excuses.

        A phrase excuses a match only where it covers the whole of it. It lowers that rule there and nothing else.
        """
        found = dict.fromkeys(self._hits(text))
        allowed = [hit for hit in found if hit.rule.effect is Action.ALLOW]
        counting: list[Match] = []
        excused: list[Excused] = []
        for hit in sorted(found, key=lambda each: (each.start, each.end, each.rule.id)):
            if hit.rule.effect is Action.ALLOW:
                continue
            by = next((each.rule for each in allowed if each.start <= hit.start and hit.end <= each.end), None)
            if by is None:
                counting.append(hit)
            else:
                excused.append(Excused(hit, by))
        return tuple(counting), tuple(excused)

    def _hits(self, text: str) -> Iterator[Match]:
        if not self._compiled:
            return
        for seen in views(text):
            words = _Words.of(seen)
            for rule, pattern in self._compiled:
                for start, end in words.find(pattern):
                    first, last = seen.original(start, end)
                    yield Match(rule, first, last, text[first:last])


def _readable(rule: Rule) -> Pattern:
    match parse(rule.keyword):
        case Pattern() as pattern:
            return pattern
        case problem:
            # A rule that cannot be read must stop the check: leaving it out would let its prompts pass.
            raise ValueError(f"rule {rule.id} cannot be read: {problem}")


class _Kind(IntEnum):
    """What a character is to the words around it."""

    OUTSIDE = 0
    WORD = 1
    KATAKANA = 2
    SPACELESS = 3
    MARK = 4


@dataclass(frozen=True, slots=True)
class _Words:
    """A view with the edges of its words: `next_edge[i]` is the first edge at or after i; the text's ends are edges."""

    text: str
    next_edge: tuple[int, ...]

    @staticmethod
    def of(seen: View) -> "_Words":
        kinds = [_kind(char) for char in seen.text]
        length = len(kinds)
        next_edge = [length] * (length + 1)
        for index in range(length - 1, -1, -1):
            is_edge = index == 0 or _is_edge(kinds, index)
            next_edge[index] = index if is_edge else next_edge[index + 1]
        return _Words(seen.text, tuple(next_edge))

    def find(self, pattern: Pattern) -> Iterator[tuple[int, int]]:
        """Where the pattern fires, from left to right, reaching to the edge of the word on a starred side."""
        size = len(pattern.core)
        at = self.text.find(pattern.core)
        behind = 0
        while at != -1:
            start = self.next_edge[at] if pattern.starts_word else at
            end = self.next_edge[at + size]
            if start == at and (end == at + size or not pattern.ends_word):
                yield self._reach(behind, start, pattern), end
                behind = at = max(end, at + 1)
            else:
                # Nothing begins or ends on an edge before the next one: going there misses no hit.
                at = max(at + 1, start, end - size if pattern.ends_word else 0)
            at = self.text.find(pattern.core, at)

    def _reach(self, behind: int, start: int, pattern: Pattern) -> int:
        if pattern.starts_word:
            return start
        # The last hit ended on an edge, so a word that this hit is inside of begins at it or later.
        while start > behind and self.next_edge[start] != start:
            start -= 1
        return start


def _kind(char: str) -> _Kind:
    if unicodedata.category(char)[0] == "M":
        return _Kind.MARK
    if any(low <= ord(char) <= high for low, high in _SPACELESS):
        return _Kind.SPACELESS
    if any(low <= ord(char) <= high for low, high in _KATAKANA):
        return _Kind.KATAKANA
    return _Kind.WORD if char.isalnum() else _Kind.OUTSIDE


def _is_edge(kinds: list[_Kind], index: int) -> bool:
    """Whether a word may begin or end between the character before `index` and the one there."""
    here = kinds[index]
    if here is _Kind.MARK:
        return False
    before = index - 1
    while before > 0 and kinds[before] is _Kind.MARK:
        before -= 1
    earlier = kinds[before]
    return here is not earlier or here is _Kind.SPACELESS or here is _Kind.OUTSIDE
