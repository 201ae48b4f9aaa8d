"""How a request looks in Discord: the waiting line with its button, and the picture with its small print below.

Owns the arrangement, built from Discord's layout components (“components v2”), because only they put words *below*
pictures: an ordinary message's text always stands above its attachments. A message that was once sent so stays so
(developers/components/reference.mdx), hence the placeholder is one from its first line on. Pure: no call to Discord.
"""

import hashlib
import io

import discord

from bot.discord.cancel import CancelButton
from bot.discord.text import LONGEST_LAYOUT, escape, quoted, small
from bot.messenger import Message, Picture
from bot.wording.refusals import shorten
from generation.request import GenerationRequest

_LONGEST_ALT = 1024  # MediaGalleryItemRequest in Discord's OpenAPI description
# Discord numbers the components that have no id from 1 on, at most 40 of them; a mark must not be one of those.
_FIRST_MARK = 1000


def waiting(request: GenerationRequest, line: str) -> discord.ui.LayoutView:
    """The placeholder: the prompt, so that several are told apart, one line, and a button with which to cancel."""
    view = _view()
    lines = (quoted(request.prompt), escape(shorten(line, 600)))
    view.add_item(discord.ui.TextDisplay("\n".join(line for line in lines if line) or "…"))
    row: discord.ui.ActionRow[discord.ui.LayoutView] = discord.ui.ActionRow()
    row.add_item(CancelButton(request.id, request.requester.user_id))
    view.add_item(row)
    return view


def final(request: GenerationRequest, message: Message, *, with_prompt: bool = True) -> discord.ui.LayoutView:
    """The last word: pictures first, then the prompt quoted and the lines, small under pictures."""
    view = _view()
    if message.pictures:
        view.add_item(discord.ui.MediaGallery(*(_item(picture) for picture in message.pictures)))
    lines = [quoted(message.prompt)] if with_prompt else []
    lines += [small(line) if message.pictures else escape(shorten(line, 600)) for line in message.lines]
    text = "\n".join(line for line in lines if line)[:LONGEST_LAYOUT] or "…"
    view.add_item(discord.ui.TextDisplay(text, id=mark(request, message)))
    return view


def note(line: str) -> discord.ui.LayoutView:
    """A single sentence of ours."""
    view = _view()
    view.add_item(discord.ui.TextDisplay(escape(line)))
    return view


def files(message: Message) -> list[discord.File]:
    """The pictures as files to upload, made anew for each attempt since an upload reads them to their end."""
    return [
        discord.File(
            io.BytesIO(picture.data),
            filename=picture.filename,
            description=_alt(picture),
            spoiler=picture.spoiler,
        )
        for picture in message.pictures
    ]


def key(request: GenerationRequest, message: Message) -> str:
    """What makes this message this one, 24 hex digits, the same at every attempt.

    The caption's words change between attempts (pictures left today), file names do not; a message without pictures
    (held, then withheld: two messages of one request) is known by its words.
    """
    parts = [picture.filename for picture in message.pictures] or list(message.lines)
    return hashlib.sha256("\n".join([request.id, *parts]).encode()).hexdigest()[:24]


def mark(request: GenerationRequest, message: Message) -> int:
    """The number the message's text carries as its component id, by which we find it again: 31 bits of its key."""
    return _FIRST_MARK + int(key(request, message)[:8], 16) % (2**31 - _FIRST_MARK)


def bears(found: discord.Message, request: GenerationRequest, message: Message) -> bool:
    """Whether a message in the channel is this one: it has our mark, or shows our files.

    Discord lists files that a layout shows only inside the layout (discord/discord-api-docs#8277).
    """
    wanted = mark(request, message)
    names = {picture.filename for picture in message.pictures}
    for part in found.components:
        if getattr(part, "id", None) == wanted:
            return True
        if isinstance(part, discord.MediaGalleryComponent):
            urls = (item.media.url.partition("?")[0] for item in part.items)
            if names & {url.rpartition("/")[2].removeprefix("SPOILER_") for url in urls}:
                return True
    return False


def _item(picture: Picture) -> discord.MediaGalleryItem:
    name = f"SPOILER_{picture.filename}" if picture.spoiler else picture.filename
    return discord.MediaGalleryItem(f"attachment://{name}", description=_alt(picture), spoiler=picture.spoiler)


def _alt(picture: Picture) -> str | None:
    return shorten(picture.alt_text, _LONGEST_ALT) or None


def _view() -> discord.ui.LayoutView:
    """A view that never times out and that discord.py does not keep: buttons are found again by their custom id."""
    return discord.ui.LayoutView(timeout=None)
