"""Reads a typed command line such as `a red boat at dusk --seed 7`: free text with options anywhere in it.

Owns the rule for what is an option and what is text, and the reasons why a phrase could not be read. Pure; shared by
Slack and the terminal. It must not know platforms, models or limits: whether a model or a size exists is decided at
submit. To add an option (`--ar 3:2`): a name in `IMAGINE`, a field in `Phrase`, and a line in `read` and `render`.

The rules. An option starts a word with two hyphens and a letter. Phones and Slack turn two hyphens into one dash, so a
dash (— or –) in front of a *known* option's name counts as well; in front of any other word it is punctuation. A value
is the next word, or what stands in quotes, or follows `=`. Inside quotes that begin and end with a word, everything is
text. The text keeps its words, their order and its inner spacing; only options and their values are cut out.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

IMAGINE = ("model", "size", "seed", "count")
"""The options of `/imagine`, in the order in which they are listed to people."""

_QUOTES = '"“”„'
_DASHES = "—–―"
# What other picture bots call our options (docs.midjourney.com, parameter list): not understood, but pointed at.
_ELSEWHERE = {
    "ar": "size", "aspect": "size", "width": "size", "height": "size",
    "v": "model", "version": "model", "niji": "model",
    "r": "count", "repeat": "count", "n": "count",
}  # fmt: skip
_TOKEN = re.compile(
    rf"[-{_DASHES}]+[A-Za-z][\w-]*=[{_QUOTES}][^{_QUOTES}]*[{_QUOTES}](?=\s|$)"  # --model="FLUX klein"
    rf"|[{_QUOTES}][^{_QUOTES}]*[{_QUOTES}](?=\s|$)"  # "in quotes"
    r"|\S+"
)
_OPTION = re.compile(
    rf"(?P<dash>--+|[{_DASHES}]+-*|-[{_DASHES}])(?P<name>[A-Za-z][\w-]*)(?:=(?P<value>.*))?", re.DOTALL
)
_WHOLE = re.compile(r"[+-]?\d+")
_MOST_DIGITS = 18  # what surely fits the 64 bits of an SQLite integer


@dataclass(frozen=True, slots=True)
class UnknownOption:
    """There is no such option; `known` are those there are, `nearest` the one that was probably meant."""

    name: str
    known: tuple[str, ...]
    nearest: str | None = None


@dataclass(frozen=True, slots=True)
class MissingValue:
    """The option stands without a value."""

    name: str


@dataclass(frozen=True, slots=True)
class RepeatedOption:
    """The option is there more than once."""

    name: str


@dataclass(frozen=True, slots=True)
class NotANumber:
    """The option takes a whole number and `value` is none."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class NumberTooLong:
    """The option's number has more digits than anything here could mean."""

    name: str


Misread = UnknownOption | MissingValue | RepeatedOption | NotANumber | NumberTooLong


@dataclass(frozen=True, slots=True)
class Split:
    """Free text, and the options found in it by name."""

    text: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """What a member typed after `/imagine`; nothing is checked but that numbers are numbers."""

    prompt: str
    model: str | None = None
    size: str | None = None
    seed: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class _Found:
    """One option in the text: its name as typed in lower case, its value, and the span it takes, value included."""

    name: str
    value: str | None
    start: int
    end: int


def read(text: str) -> Phrase | Misread:
    """Read what follows `/imagine`. Never raises: what cannot be read comes back as the reason."""
    split = split_options(text, IMAGINE)
    if not isinstance(split, Split):
        return split
    seed = _whole("seed", split.values.get("seed"))
    if isinstance(seed, NotANumber | NumberTooLong):
        return seed
    count = _whole("count", split.values.get("count"))
    if isinstance(count, NotANumber | NumberTooLong):
        return count
    return Phrase(
        prompt=split.text,
        model=split.values.get("model"),
        size=split.values.get("size"),
        seed=seed,
        count=1 if count is None else count,
    )


def render(phrase: Phrase) -> str:
    """Write a phrase so that `read` gives it back (as long as no value holds a double quote)."""
    parts = [phrase.prompt] if phrase.prompt else []
    if phrase.model is not None:
        parts.append(f"--model {_quoted(phrase.model)}")
    if phrase.size is not None:
        parts.append(f"--size {_quoted(phrase.size)}")
    if phrase.seed is not None:
        parts.append(f"--seed {phrase.seed}")
    if phrase.count != 1:
        parts.append(f"--count {phrase.count}")
    return " ".join(parts)


def split_options(text: str, known: tuple[str, ...]) -> Split | Misread:
    """Cut the options named in `known` out of a text. Never raises."""
    values: dict[str, str] = {}
    pieces, kept_to = [], 0
    for found in _options(text, known):
        if found.name not in known:
            nearest = [_ELSEWHERE.get(found.name, ""), *difflib.get_close_matches(found.name, known, n=1)]
            return UnknownOption(found.name, known, next((name for name in nearest if name in known), None))
        if found.name in values:
            return RepeatedOption(found.name)
        if not found.value:
            return MissingValue(found.name)
        values[found.name] = found.value
        pieces.append(text[kept_to : found.start])
        kept_to = found.end
    pieces.append(text[kept_to:])
    return Split(" ".join(piece for piece in (piece.strip() for piece in pieces) if piece), values)


def _options(text: str, known: tuple[str, ...]) -> Iterator[_Found]:
    tokens = list(_TOKEN.finditer(text))
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        option = _as_option(token.group(), known)
        if option is None:
            continue
        name, value = option
        end = token.end()
        follows = tokens[position] if position < len(tokens) else None
        if value is None and follows is not None and _as_option(follows.group(), known) is None:
            value, end = follows.group(), follows.end()
            position += 1
        yield _Found(name, None if value is None else value.strip(_QUOTES).strip(), token.start(), end)


def _as_option(token: str, known: tuple[str, ...]) -> tuple[str, str | None] | None:
    """The name and the `=value` of a word that is an option; None for a word that is text."""
    match = _OPTION.fullmatch(token)
    if match is None:
        # `--seed,` is a slip rather than text to draw; say so instead of drawing it.
        return (token.lstrip("-").lower(), None) if re.match(r"--+[A-Za-z]", token) else None
    name = match["name"].lower()
    if not match["dash"].startswith("--") and name not in known:
        return None
    return name, match["value"]


def _whole(name: str, value: str | None) -> int | NotANumber | NumberTooLong | None:
    if value is None:
        return None
    if not _WHOLE.fullmatch(value):
        return NotANumber(name, value)
    if len(value.lstrip("+-")) > _MOST_DIGITS:
        return NumberTooLong(name)
    return int(value)


def _quoted(value: str) -> str:
    return f'"{value}"' if re.search(r"\s", value) or value.startswith(("-", *_DASHES)) else value
