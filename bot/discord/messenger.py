"""Tells members on Discord: passing lines and the last word, in the placeholder or, too late for that, in the channel.

Owns the choice of the way and the care that it is taken once. It must not know what is said or why.

The ways. While the interaction's token lives (15 min) the placeholder is edited, which may be repeated without harm.
After that the answer is an ordinary message: before it is sent a mark is stored, it carries a nonce that Discord
enforces for a few minutes, and from the second attempt on the placeholder and the channel's recent messages are
searched for it first. What only the asker may see is an ephemeral message, sent once; where that is no longer possible
the sentence stands in the channel without the prompt.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

import discord

from bot.discord import layout, trouble
from bot.discord.link import Link
from bot.messenger import Message, Receipt, TryAgain, Undeliverable
from bot.wording import discord as words
from generation.request import GenerationRequest

log = logging.getLogger(__name__)

_NO_MENTIONS = discord.AllowedMentions.none()
_LOGIN_WAIT_S = 20.0
_PASSING_S = 5.0
_LONGEST_S = 120.0
_LOOK_BACK = 200
_REMEMBERED = 4096
# What one request to Discord may hold (developers/resources/message.mdx), less a little for its other parts.
_LARGEST_REQUEST = 25 * 1024 * 1024 - 64 * 1024

_LINE, _LAST_WORD = "line", "last word"


class DiscordMessenger:
    """`bot.messenger.Messenger` for Discord; usable before the adapter runs, it waits for the login where it must."""

    def __init__(self, link: Link, *, now: Callable[[], int]) -> None:
        """Take where the client will be, and a clock in ms."""
        self._link, self._now = link, now
        # What a placeholder shows, so that a line that comes late never replaces a picture. Bounded; forgotten at a
        # restart, when nothing is on its way any more.
        self._shown: OrderedDict[str, str] = OrderedDict()

    @property
    def progress_interval_s(self) -> float:
        """2 s: an edit per request every two seconds stays below the limits observed for webhooks."""
        return 2.0

    async def begin(self, request: GenerationRequest, line: str) -> None:
        """Show the first waiting line, unless the worker was quicker and something newer is shown already."""
        if request.id not in self._shown:
            await self._show_line(request, line)

    async def progress(self, request: GenerationRequest, line: str, percent: int | None) -> None:  # noqa: ARG002 - Discord has no bar to show it with; the line says it
        """Show a passing line in the placeholder, or lose it."""
        await self._show_line(request, line)

    async def _show_line(self, request: GenerationRequest, line: str) -> None:
        client = self._link.current
        if client is None or not self._token_lives(request) or self._shown.get(request.id) == _LAST_WORD:
            return
        self._remember(request, _LINE)
        try:
            async with asyncio.timeout(_PASSING_S):
                await self._edit(client, request, layout.waiting(request, line), [])
        except trouble.ERRORS as error:
            log.info("a passing line for request %s was lost: %s", request.id, trouble.describe(error))

    async def deliver(self, request: GenerationRequest, message: Message, receipt: Receipt) -> str:
        """Tell the member, once; raises `Undeliverable` or `TryAgain`."""
        if known := receipt.marks.get("message"):
            return known
        self._remember(request, _LAST_WORD)
        client = await self._link.client(_LOGIN_WAIT_S)
        try:
            async with asyncio.timeout(_LONGEST_S):
                if message.private:
                    return await self._deliver_privately(client, request, message, receipt)
                return await self._deliver_openly(client, request, message, receipt)
        except trouble.ERRORS as error:
            raise trouble.translated(error) from error

    async def _deliver_openly(
        self, client: discord.Client, request: GenerationRequest, message: Message, receipt: Receipt
    ) -> str:
        largest = _largest_file(client, request)
        sizes = [len(picture.data) for picture in message.pictures]
        if sizes and (max(sizes) > largest or sum(sizes) > _LARGEST_REQUEST):
            await self._say_too_large(client, request, message, receipt)
        try:
            if self._token_lives(request):
                try:
                    view = layout.final(request, message)
                    return await self._edit(client, request, view, layout.files(message))
                except discord.HTTPException as error:
                    if not trouble.placeholder_gone(error):
                        raise
                    log.info("the placeholder of request %s is gone: %s", request.id, trouble.describe(error))
            return await self._send(client, request, message, receipt)
        except discord.HTTPException as error:
            if message.pictures and trouble.too_large(error):
                await self._say_too_large(client, request, message, receipt)
            raise

    async def _say_too_large(
        self, client: discord.Client, request: GenerationRequest, message: Message, receipt: Receipt
    ) -> None:
        """Tell the member that Discord does not take the files, and leave by `Undeliverable`: nothing is charged.

        The pictures are not made smaller: a passing verdict is stored for exactly these bytes.
        """
        most = _largest_file(client, request)
        sentence = words.too_large(most / 1024 / 1024)
        instead = Message(lines=(sentence,), prompt=message.prompt)
        await self._deliver_openly(client, request, instead, receipt)
        sizes = ", ".join(str(len(picture.data)) for picture in message.pictures)
        detail = f"files of {sizes} bytes are more than Discord takes ({most} each, 25 MiB together)"
        raise Undeliverable(detail, told=True)

    async def _send(
        self,
        client: discord.Client,
        request: GenerationRequest,
        message: Message,
        receipt: Receipt,
        *,
        with_prompt: bool = True,
    ) -> str:
        """Send an ordinary message, unless an earlier attempt turns out to have done so."""
        channel = client.get_partial_messageable(_place(request))
        if receipt.attempt > 1 and (found := await self._find(channel, client, request, message)):
            log.info("request %s had already been answered by message %s", request.id, found)
            return found
        await receipt.note({"sending": layout.key(request, message)})
        sent = await channel.send(
            view=layout.final(request, message, with_prompt=with_prompt),
            files=layout.files(message),
            allowed_mentions=_NO_MENTIONS,
            nonce=layout.key(request, message),
        )
        await receipt.note({"message": str(sent.id)})
        await self._leave_note(channel, request)
        return str(sent.id)

    async def _find(
        self,
        channel: discord.PartialMessageable,
        client: discord.Client,
        request: GenerationRequest,
        message: Message,
    ) -> str | None:
        """The message an earlier attempt left, in the placeholder or among the recent ones in the channel."""
        try:
            if request.reply_to.placeholder_id:
                there = await channel.fetch_message(int(request.reply_to.placeholder_id))
                if layout.bears(there, request, message):
                    return str(there.id)
        except (discord.NotFound, discord.Forbidden) as error:
            log.info("the placeholder of request %s is not readable: %s", request.id, trouble.describe(error))
        me = client.user
        try:
            async for there in channel.history(limit=_LOOK_BACK):
                if there.created_at.timestamp() * 1000 < request.created_at - 60_000:
                    break
                if me is not None and there.author.id == me.id and layout.bears(there, request, message):
                    return str(there.id)
        except (discord.NotFound, discord.Forbidden) as error:
            # An earlier attempt may have got through, and here nobody can look.
            raise Undeliverable(f"the channel cannot be read: {trouble.describe(error)}", told=True) from None
        return None

    async def _leave_note(self, channel: discord.PartialMessageable, request: GenerationRequest) -> None:
        """Take the stale line and its button out of the placeholder; a courtesy, so a failure is only noted."""
        if not request.reply_to.placeholder_id:
            return
        stale = channel.get_partial_message(int(request.reply_to.placeholder_id))
        try:
            await stale.edit(view=layout.note(words.answered_below()), attachments=[], allowed_mentions=_NO_MENTIONS)
        except trouble.ERRORS as error:
            log.info("the placeholder of request %s stays as it is: %s", request.id, trouble.describe(error))

    async def _deliver_privately(
        self, client: discord.Client, request: GenerationRequest, message: Message, receipt: Receipt
    ) -> str:
        """Show it to the asker alone; where that is not possible (any more), openly but without the prompt."""
        if "private" in receipt.marks and "sending" not in receipt.marks:
            return await self._repeat_in_place(client, request, message)
        if not self._token_lives(request):
            return await self._send(client, request, message, receipt, with_prompt=False)
        try:
            # A followup to a placeholder that is still “thinking” would become that placeholder, for all to see
            # (developers/interactions/receiving-and-responding, create followup message): give it words first.
            await self._edit(client, request, layout.note(words.answered_privately()), [])
            await receipt.note({"private": layout.key(request, message)})
            sent = await self._webhook(client, request).send(
                view=layout.final(request, message),
                files=layout.files(message),
                ephemeral=True,
                wait=True,
                allowed_mentions=_NO_MENTIONS,
            )
            await receipt.note({"message": str(sent.id)})
        except discord.HTTPException as error:
            if not trouble.placeholder_gone(error):
                raise
            return await self._send(client, request, message, receipt, with_prompt=False)
        await self._take_away(client, request)
        return str(sent.id)

    async def _repeat_in_place(self, client: discord.Client, request: GenerationRequest, message: Message) -> str:
        """An earlier attempt may have told the asker alone: the sentence in the placeholder is sure to be seen.

        It is not a second message, as one in the channel would be; that holds also when the token is too old by now.
        """
        view = layout.final(request, message, with_prompt=False)
        if self._token_lives(request):
            try:
                return await self._edit(client, request, view, [])
            except discord.HTTPException as error:
                if not trouble.placeholder_gone(error):
                    raise
        there = client.get_partial_messageable(_place(request)).get_partial_message(_placeholder(request))
        try:
            await there.edit(view=view, attachments=[], allowed_mentions=_NO_MENTIONS)
        except (discord.NotFound, discord.Forbidden) as error:
            raise Undeliverable(f"the placeholder is out of reach: {trouble.describe(error)}", told=True) from None
        return str(there.id)

    async def _take_away(self, client: discord.Client, request: GenerationRequest) -> None:
        try:
            await self._webhook(client, request).delete_message(_placeholder(request))
        except trouble.ERRORS as error:
            log.info("the placeholder of request %s stays: %s", request.id, trouble.describe(error))

    async def _edit(
        self,
        client: discord.Client,
        request: GenerationRequest,
        view: discord.ui.LayoutView,
        files: list[discord.File],
    ) -> str:
        """Make the placeholder show exactly this and nothing that was there before."""
        edited = await self._webhook(client, request).edit_message(
            _placeholder(request), view=view, attachments=files, allowed_mentions=_NO_MENTIONS
        )
        return str(edited.id)

    def _webhook(self, client: discord.Client, request: GenerationRequest) -> discord.Webhook:
        """The webhook of the interaction, made from what the request keeps, so that it works after a restart."""
        if client.application_id is None or request.reply_to.token is None:
            raise TryAgain("the Discord bot is not logged in")
        state = client._connection  # noqa: SLF001 - as discord.py's own Interaction.followup; Webhook.partial cannot be ephemeral
        return discord.Webhook.from_state(
            {"id": client.application_id, "type": 3, "token": request.reply_to.token}, state=state
        )

    def _token_lives(self, request: GenerationRequest) -> bool:
        to = request.reply_to
        if to.token is None or to.placeholder_id is None:
            return False
        return to.token_expires_at is None or self._now() < to.token_expires_at

    def _remember(self, request: GenerationRequest, what: str) -> None:
        self._shown[request.id] = what
        self._shown.move_to_end(request.id)
        while len(self._shown) > _REMEMBERED:
            self._shown.popitem(last=False)


def _place(request: GenerationRequest) -> int:
    return int(request.reply_to.thread_id or request.reply_to.channel_id)


def _placeholder(request: GenerationRequest) -> int:
    return int(request.reply_to.placeholder_id or 0)


def _largest_file(client: discord.Client, request: GenerationRequest) -> int:
    """The largest file the server takes, in bytes: Discord's default, or what its boosts have earned it."""
    guild = client.get_guild(int(request.requester.workspace_id))
    default = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
    return default if guild is None else max(default, guild.filesize_limit)
