"""What messages look like in Slack: who asked for what, then few words, small where they are passing.

Owns every block the bot sends. Pure: plain text in, keyword arguments for `chat.*` and `respond` out. All text goes
into `plain_text` objects with emoji off, so nothing a member writes can format, link or ping; the `text` beside the
blocks is what notifications and screen readers use, and is escaped.

Limits (docs.slack.dev, Block Kit reference): 50 blocks a message, 3,000 characters a section, 75 a button's label.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from bot.slack.text import escape, fit
from bot.wording import slack as wording
from bot.wording.refusals import shorten

CANCEL_ACTION = "cancel_request"
_SECTION_MOST = 3000
_CONTEXT_MOST = 2000
_PROMPT_MOST = 280
_TEXT_MOST = 3000
_BLOCKS_MOST = 50

Block = dict[str, Any]


def quote(prompt: str, name: str) -> str:
    """`alice: “a red boat at dusk”`, shortened; without the name where it is not known."""
    quoted = f"“{shorten(prompt, _PROMPT_MOST)}”"
    return f"{name}: {quoted}" if name else quoted


def said(lines: Iterable[str]) -> dict[str, Any]:
    """A plain answer, as long as it needs to be: as many sections as Slack's limits ask for."""
    paragraphs = _paragraphs(lines)
    return _message([_section(paragraph) for paragraph in paragraphs], " ".join(paragraphs))


def waiting(headline: str, line: str, request_id: str, owner_id: str) -> dict[str, Any]:
    """The placeholder of a request under way: what was asked, the passing line small, and the way out."""
    button: Block = {
        "type": "button",
        "action_id": CANCEL_ACTION,
        "text": _plain(wording.CANCEL, 75),
        "value": f"{owner_id} {request_id}",
    }
    return _message(
        [_section(headline), _context(line), {"type": "actions", "elements": [button]}], f"{headline} {line}"
    )


def passing(line: str) -> dict[str, Any]:
    """A placeholder with nothing but one small line."""
    return _message([_context(line)], line)


def ended(headline: str, lines: Sequence[str]) -> dict[str, Any]:
    """The last word without a picture: what was asked, and in plain sentences how it ended."""
    return _message([_section(headline), _section("\n".join(lines))], f"{headline} {' '.join(lines)}")


def caption(headline: str, lines: Sequence[str]) -> list[Block]:
    """The words that come with pictures. Slack documents sections there, and nothing smaller."""
    return [_section("\n".join((headline, *lines)))]


def owner_and_request(value: str) -> tuple[str, str] | None:
    """Read a Cancel button's value back: who asked, and the request's id; None if it is not one of ours."""
    owner, _, request_id = value.partition(" ")
    return (owner, request_id) if owner and request_id else None


def _message(blocks: list[Block], fallback: str) -> dict[str, Any]:
    return {"blocks": blocks[:_BLOCKS_MOST], "text": fit(fallback, _TEXT_MOST).strip() or "…"}


def _plain(text: str, most: int) -> Block:
    # An empty text object is refused by Slack; a text can be empty once its control characters are gone.
    return {"type": "plain_text", "text": fit(text, most) or "…", "emoji": False}


def _section(text: str) -> Block:
    return {"type": "section", "text": _plain(text, _SECTION_MOST)}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_plain(text, _CONTEXT_MOST)]}


def _paragraphs(lines: Iterable[str]) -> list[str]:
    """Lines gathered into texts that each fit a section once they are escaped."""
    paragraphs: list[str] = []
    for line in lines:
        if paragraphs and len(escape(f"{paragraphs[-1]}\n{line}")) <= _SECTION_MOST:
            paragraphs[-1] += f"\n{line}"
        else:
            paragraphs.append(line)
    return paragraphs
