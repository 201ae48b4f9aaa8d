"""Acknowledging a command and answering the one who gave it.

Owns the first three seconds and the private answer. It must not know what commands do.
"""

import io
import logging
from collections.abc import Awaitable, Callable

import aiohttp
import discord

from bot.discord import trouble
from bot.discord.text import LONGEST_CONTENT, escape
from bot.services import Reply
from bot.wording import discord as words

log = logging.getLogger(__name__)

_NO_MENTIONS = discord.AllowedMentions.none()
_PRIVATE = "private"
ACCEPTED = "accepted"


async def acknowledge(interaction: discord.Interaction, *, private: bool) -> str | None:
    """Say at once that an answer will come; return the id of the “thinking” message, or None if it came too late.

    An interaction is acknowledged once. “Already acknowledged” therefore means that an earlier try of this very call
    got through although its answer was lost (a repeated event is sorted out before): the command goes on.
    """
    interaction.extras[_PRIVATE] = private
    for last in (False, True):
        try:
            response = await interaction.response.defer(ephemeral=private, thinking=True)
        except discord.HTTPException as error:
            if error.code == trouble.ALREADY_ACKNOWLEDGED:
                return str((await interaction.original_response()).id)
            log.warning("command %s was lost before it began: %s", interaction.id, trouble.describe(error))
            return None
        except (aiohttp.ClientError, OSError) as error:
            if last:
                log.warning("command %s was lost before it began: %s", interaction.id, trouble.describe(error))
        else:
            known = response.message_id if response else None
            return str(known or (await interaction.original_response()).id)
    return None


async def answer(interaction: discord.Interaction, work: Callable[[], Awaitable[Reply]]) -> None:
    """Acknowledge privately, do the work, and show its answer to the asker only."""
    if await acknowledge(interaction, private=True) is not None:
        await tell_asker(interaction, (await work()).text)


async def tell_asker(interaction: discord.Interaction, text: str) -> None:
    """Show a plain text to the asker only, whatever was answered before; a failure to do so is only noted."""
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(escape(text)[:LONGEST_CONTENT], ephemeral=True)
        elif interaction.extras.get(_PRIVATE):
            await _fill(interaction, text)
        elif not interaction.extras.get(ACCEPTED):
            await _replace(interaction, text)
    except trouble.ERRORS as error:
        log.warning("answering command %s failed: %s", interaction.id, trouble.describe(error))


async def _fill(interaction: discord.Interaction, text: str) -> None:
    """Put the answer where the asker sees “thinking”; what is longer than a message goes into a file."""
    shown = escape(text) or "…"
    if len(shown) <= LONGEST_CONTENT:
        await interaction.edit_original_response(content=shown, allowed_mentions=_NO_MENTIONS)
        return
    file = discord.File(io.BytesIO(text.encode()), filename="answer.txt")
    await interaction.edit_original_response(content=words.in_file(), attachments=[file], allowed_mentions=_NO_MENTIONS)


async def _replace(interaction: discord.Interaction, text: str) -> None:
    """Take away a placeholder all can see and tell the asker alone.

    In this order, because a followup to a message that is still “thinking” would become that message. If it cannot be
    taken away, the text stands in it: better seen by all than by nobody.
    """
    shown = escape(text)[:LONGEST_CONTENT]
    try:
        await interaction.delete_original_response()
    except discord.HTTPException as error:
        log.info("the placeholder of command %s stays: %s", interaction.id, trouble.describe(error))
        await interaction.edit_original_response(content=shown, allowed_mentions=_NO_MENTIONS)
        return
    await interaction.followup.send(shown, ephemeral=True, allowed_mentions=_NO_MENTIONS)
