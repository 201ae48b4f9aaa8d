"""What an examination finds. Pure values; none of them ever holds a token."""

import enum
from dataclasses import dataclass


class Level(enum.StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # as it should be for some, worth knowing for all
    PROBLEM = "problem"  # something will not work as expected
    BLOCKS = "blocks"  # no picture comes before this is mended


@dataclass(frozen=True, slots=True)
class Finding:
    """`topic` is where it was found (“Redis”), `what` how things are, `do` what to do about it, if anything."""

    level: Level
    topic: str
    what: str
    do: str = ""


def ok(topic: str, said: tuple[str, str]) -> Finding:
    """All is well. `said` is a pair (what, do) from `bot.wording.doctor`."""
    return Finding(Level.OK, topic, *said)


def note(topic: str, said: tuple[str, str]) -> Finding:
    """Worth knowing."""
    return Finding(Level.NOTE, topic, *said)


def problem(topic: str, said: tuple[str, str]) -> Finding:
    """Something will not work as expected."""
    return Finding(Level.PROBLEM, topic, *said)


def blocks(topic: str, said: tuple[str, str]) -> Finding:
    """No picture comes before this is mended."""
    return Finding(Level.BLOCKS, topic, *said)
