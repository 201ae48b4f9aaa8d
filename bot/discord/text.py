"""Makes plain text safe to show in Discord: nobody's words ping, format or link as the bot.

Pure. Discord takes a backslash before any punctuation as "show this character as it is"; what only matters at the
beginning of a line (headings, lists) is escaped only there, so that ordinary sentences stay readable in raw form.
"""

import re
import unicodedata

from bot.wording.refusals import shorten

LONGEST_PROMPT = 300
LONGEST_CONTENT = 2000
LONGEST_LAYOUT = 4000

_ANYWHERE = re.compile(r"[\\*_~`|<>\[\]@]")
_LINE_MARK = re.compile(r"(?m)^(\s*)([#+-])")
_LIST_NUMBER = re.compile(r"(?m)^(\s*\d+)([.)])")
_LINK = re.compile(r":(?=//)")
_INVITE = re.compile(r"(?i)\b(discord(?:app)?)\.(?=\w)")
# Marks that turn the direction of the text around them: with them, a prompt could rearrange our own words.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def escape(text: str) -> str:
    """The text so that Discord shows it letter by letter; control and direction characters are left out."""
    text = "".join(char for char in text if char == "\n" or (char not in _DIRECTIONS and not _is_control(char)))
    text = _ANYWHERE.sub(lambda found: "\\" + found[0], text)
    text = _LINE_MARK.sub(r"\1\\\2", text)
    text = _LIST_NUMBER.sub(r"\1\\\2", text)
    text = _LINK.sub(r"\\:", text)
    return _INVITE.sub(r"\1\\.", text)


def quoted(prompt: str) -> str:
    """A prompt as one quoted line, cut to `LONGEST_PROMPT` characters; empty for a prompt with nothing to show."""
    line = escape(shorten(prompt, LONGEST_PROMPT)).strip()
    return f"> {line}" if line else ""


def small(line: str) -> str:
    """A line in Discord's small print."""
    return f"-# {escape(shorten(line, 600))}"


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cs"}
