"""Telling a Slack member: passing lines and last words in the placeholder, pictures beside it.

Owns `SlackMessenger`. A last word is always an edit of a message, and an edit can be repeated, so text is told once
however often it is tried; pictures are looked up before they are sent again (`bot.slack.uploads`). It must not know the
journal, the quota or where pictures come from.
"""

import logging
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.messenger import Message, Receipt
from bot.slack import blocks
from bot.slack.budget import ProgressBudget
from bot.slack.directory import Directory
from bot.slack.errors import CALL_ERRORS, as_outcome, code, is_temporary, retry_after_s, surely_had_no_effect
from bot.slack.placeholders import Placeholders
from bot.slack.uploads import Uploads
from bot.wording import slack as wording
from generation.request import GenerationRequest

log = logging.getLogger(__name__)

_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_COSMETIC_TRIES = 4
_TS, _SHARED, _WHISPERED = "ts", "shared", "whispered"


class SlackMessenger:
    """Keeps `bot.messenger.Messenger` for Slack. A delivered message's id is a timestamp, or a picture's file id."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        quick: AsyncWebClient,
        directory: Directory,
        placeholders: Placeholders,
        budget: ProgressBudget,
    ) -> None:
        """Take a client for what must arrive, one for what may be lost, and what the adapter knows of messages."""
        self._client, self._quick = client, quick
        self._directory, self._placeholders, self._budget = directory, placeholders, budget
        self._uploads = Uploads(client)

    @property
    def progress_interval_s(self) -> float:
        """Three seconds for one request; the budget of the whole workspace is kept besides."""
        return 3.0

    async def progress(self, request: GenerationRequest, line: str, percent: int | None) -> None:  # noqa: ARG002 - Slack has no bar; the line says the percentage
        """Show a passing line in the placeholder, or drop it."""
        ts = self._placeholders.now(request)
        workspace = request.requester.workspace_id
        if ts is None or not self._budget.take(workspace):
            return
        text = blocks.waiting(
            await self._headline(request, request.prompt), line, request.id, request.requester.user_id
        )
        try:
            await self._quick.chat_update(channel=request.reply_to.channel_id, ts=ts, **text)
        except CALL_ERRORS as error:
            if wait := retry_after_s(error):
                self._budget.pause(workspace, wait)
            log.debug("a passing line of request %s was lost: %s", request.id, code(error))

    async def deliver(self, request: GenerationRequest, message: Message, receipt: Receipt) -> str:
        """Tell the member, at most once. Raises `Undeliverable` or `TryAgain`."""
        placeholder = await self._placeholders.get(request)
        try:
            if message.pictures:
                return await self._show(request, message, receipt, placeholder)
            if message.private:
                return await self._tell_alone(request, message, receipt, placeholder)
            return await self._tell(request, message, receipt, placeholder)
        except CALL_ERRORS as error:
            # The cause is left out: its text may hold what was sent.
            raise as_outcome(error) from None

    async def _tell(self, request: GenerationRequest, message: Message, receipt: Receipt, ts: str | None) -> str:
        text = blocks.ended(await self._headline(request, message.prompt), message.lines)
        if ts is not None and await self._edit(request, ts, text):
            return ts
        ts = await self._stand_in(request, receipt)
        await self._client.chat_update(channel=request.reply_to.channel_id, ts=ts, **text)
        return ts

    async def _show(self, request: GenerationRequest, message: Message, receipt: Receipt, ts: str | None) -> str:
        # Slack cannot blur a picture. In a thread it shows only to those who open it.
        hidden = any(picture.spoiler for picture in message.pictures) and request.reply_to.thread_id is None
        if hidden and ts is None:
            ts = await self._stand_in(request, receipt)
        if not (shared := receipt.marks.get(_SHARED)):
            headline = await self._headline(request, message.prompt)
            file_ids = await self._uploads.share_once(
                message.pictures,
                receipt,
                channel_id=request.reply_to.channel_id,
                thread_ts=ts if hidden else request.reply_to.thread_id,
                blocks=blocks.caption(headline, message.lines),
            )
            shared = file_ids[0]
            await receipt.note({_SHARED: shared})
        if ts is not None:
            text = blocks.passing(wording.is_done(len(message.pictures), in_thread=hidden))
            await self._leave(request, ts, text, receipt.attempt)
        return shared

    async def _tell_alone(self, request: GenerationRequest, message: Message, receipt: Receipt, ts: str | None) -> str:
        reply_to = request.reply_to
        if ts is not None:
            await self._leave(request, ts, blocks.passing(wording.told_privately()), receipt.attempt)
        if not receipt.marks.get(_WHISPERED):
            # What only the member sees can be neither edited nor looked up, so it is noted before it is sent.
            await receipt.note({_WHISPERED: "yes"})
            text = blocks.ended(blocks.quote(message.prompt, ""), message.lines)
            try:
                await self._client.chat_postEphemeral(
                    channel=reply_to.channel_id, user=request.requester.user_id, thread_ts=reply_to.thread_id, **text
                )
            except CALL_ERRORS as error:
                if surely_had_no_effect(error):
                    await receipt.note({_WHISPERED: ""})
                raise
        return ts or ""

    async def _stand_in(self, request: GenerationRequest, receipt: Receipt) -> str:
        """A message to put the answer into where there is no placeholder; empty of meaning, in case it is left over."""
        if ts := receipt.marks.get(_TS):
            return ts
        posted = await self._client.chat_postMessage(
            channel=request.reply_to.channel_id,
            thread_ts=request.reply_to.thread_id,
            unfurl_links=False,
            unfurl_media=False,
            **blocks.passing(wording.preparing()),
        )
        ts = str(posted["ts"])
        await receipt.note({_TS: ts})
        self._placeholders.settle(request.id, ts)
        return ts

    async def _edit(self, request: GenerationRequest, ts: str, text: dict[str, Any]) -> bool:
        """Edit the placeholder; False if it is no longer there or can no longer be edited."""
        try:
            await self._client.chat_update(channel=request.reply_to.channel_id, ts=ts, **text)
        except CALL_ERRORS as error:
            if code(error) in _GONE:
                return False
            raise
        return True

    async def _leave(self, request: GenerationRequest, ts: str, text: dict[str, Any], attempt: int) -> None:
        """Tidy the placeholder up. Worth some tries, but no reason to call what was told untold."""
        try:
            await self._edit(request, ts, text)
        except CALL_ERRORS as error:
            if is_temporary(error) and attempt < _COSMETIC_TRIES:
                raise
            log.warning("the placeholder of request %s stays as it is: %s", request.id, code(error))

    async def _headline(self, request: GenerationRequest, prompt: str) -> str:
        return blocks.quote(prompt, await self._directory.name(request.requester.user_id))
