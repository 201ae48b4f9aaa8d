"""Plain text in and out of Slack's markup.

Owns the one place where text is made safe to send (`escape`) and where a command's text is made plain (`plain`). Pure.

Slack asks that `&`, `<` and `>` be escaped, and only those (docs.slack.dev, "Formatting message text"): unescaped, they
begin mentions, links and `<!channel>`. Formatting marks such as `*` mean nothing in `plain_text` objects, which is what
`bot.slack.blocks` uses throughout.
"""

import html
import re
import unicodedata

_MARKUP = re.compile(r"<(?P<sigil>[@#!])?(?P<id>[^<>|]*)(?:\|(?P<label>[^<>]*))?>")
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_IDS = re.compile(r"[A-Z0-9]{2,}|subteam\^[A-Z0-9]+|channel|here|everyone")
_LINK = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)


def escape(text: str) -> str:
    """A person's text as Slack shows it letter by letter: no mention, no link, no turned reading direction."""
    return html.escape(without_controls(text), quote=False)


def without_controls(text: str) -> str:
    """The text without control characters (but for line breaks) and without marks that turn the reading direction."""
    return "".join(c for c in text if c == "\n" or (unicodedata.category(c) != "Cc" and c not in _BIDI_CONTROLS))


def fit(text: str, most: int) -> str:
    """An escaped text of `most` characters at most, cut between characters and never inside an entity."""
    escaped = escape(text)
    if len(escaped) <= most:
        return escaped
    length, kept = 1, []
    for character in without_controls(text):
        piece = html.escape(character, quote=False)
        length += len(piece)
        if length > most:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + "…"


def plain(text: str) -> str:
    """A command's text as its member meant it: mentions as @name, links as typed, entities as characters."""
    return html.unescape(_entities_only(_MARKUP.sub(_unmark, text)))


def _entities_only(text: str) -> str:
    """Keep all entities but Slack's three from being unescaped: a member may well type `&copy;`."""
    return re.sub(r"&(?!(?:amp|lt|gt);)", "&amp;", text)


def _unmark(match: re.Match[str]) -> str:
    sigil, target, label = match["sigil"], match["id"], match["label"]
    if sigil is None:
        # A link comes as <https://…> or <https://…|what was typed>; anything else in angle brackets is only text.
        return (label or target) if _LINK.match(target) else match[0]
    if not _IDS.fullmatch(target):
        return match[0]
    name = label or target.removeprefix("subteam^")
    return name if name.startswith(("@", "#")) else f"{'#' if sigil == '#' else '@'}{name}"


def mentioned(word: str) -> tuple[str, str, str] | None:
    """Who a mention means, as (`member` or `group`, id, label with @); None for any other word."""
    match = re.fullmatch(
        r"<(?:@(?P<user>[UW][A-Z0-9]+)|!subteam\^(?P<group>S[A-Z0-9]+))(?:\|(?P<label>[^<>]*))?>", word
    )
    if match is None:
        return None
    found = match["user"] or match["group"]
    label = plain(match["label"] or found)
    return ("member" if match["user"] else "group", found, label if label.startswith("@") else f"@{label}")
