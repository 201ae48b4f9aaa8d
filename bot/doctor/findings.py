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


def ok(topic: str, what: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, topic, what)


def note(topic: str, what: str, do: str = "") -> Finding:
    """Worth knowing."""
    return Finding(Level.NOTE, topic, what, do)


def problem(topic: str, what: str, do: str) -> Finding:
    """Something will not work as expected."""
    return Finding(Level.PROBLEM, topic, what, do)


def blocks(topic: str, what: str, do: str) -> Finding:
    """No picture comes before this is mended."""
    return Finding(Level.BLOCKS, topic, what, do)
