"""Pictures into a conversation by Slack's upload flow, once however often it is tried.

Owns the three steps (ask for a URL, post the bytes, complete into a channel) and the look before a second try. Nothing
shows before the last step, and a file that was never completed is thrown away by Slack; so the files' ids are noted
before that step, and whoever tries again asks `files.info` what became of them. It must not know requests or quotas.
"""

import enum
import io
import json
import logging
from collections.abc import Sequence
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.messenger import Picture, Receipt, TryAgain
from bot.slack.blocks import Block
from bot.slack.errors import code

log = logging.getLogger(__name__)

_LOOKS = 5
_LOOK_AGAIN_S = 3.0
_ALT_MOST = 1000
_FILES = "files"


class _Fate(enum.Enum):
    """What became of a file that an earlier attempt may have shared."""

    SHOWN = enum.auto()
    COMPLETED = enum.auto()  # completed, but not yet seen in the channel: Slack shares in the background
    UNKNOWN = enum.auto()


class Uploads:
    """Shares pictures as files."""

    def __init__(self, client: AsyncWebClient) -> None:
        """Take the client whose calls are not repeated behind our back."""
        self._client = client

    async def share_once(
        self,
        pictures: Sequence[Picture],
        receipt: Receipt,
        *,
        channel_id: str,
        thread_ts: str | None,
        blocks: list[Block],
    ) -> tuple[str, ...]:
        """Show the pictures in one message; return their file ids. Raises `TryAgain` and slack_sdk's errors."""
        noted = tuple(part for part in receipt.marks.get(_FILES, "").split(",") if part)
        if noted and await self._is_shown(noted[0], channel_id, receipt.attempt):
            return noted
        file_ids = [await self._upload(picture) for picture in pictures]
        await receipt.note({_FILES: ",".join(file_ids)})
        form: dict[str, Any] = {
            "files": json.dumps([{"id": file_id} for file_id in file_ids]),
            "channel_id": channel_id,
            "thread_ts": thread_ts,
            "blocks": json.dumps(blocks),
        }
        # The SDK's own method puts all of this into the URL, which a long caption would overflow; the body has no such
        # limit. `blocks` instead of `initial_comment`, because only they can hold text that is not read as markup.
        await self._client.api_call("files.completeUploadExternal", data=form)
        return tuple(file_ids)

    async def _is_shown(self, file_id: str, channel_id: str, attempt: int) -> bool:
        match await self._fate(file_id, channel_id):
            case _Fate.SHOWN:
                return True
            case _Fate.COMPLETED if attempt < _LOOKS:
                raise TryAgain("Slack is still sharing the file", _LOOK_AGAIN_S)
            case _Fate.COMPLETED:
                log.warning("file %s was completed but never shared; it is uploaded again", file_id)
        return False

    async def _fate(self, file_id: str, channel_id: str) -> _Fate:
        try:
            file = (await self._client.files_info(file=file_id)).get("file") or {}
        except SlackApiError as error:
            match code(error):
                case "file_not_found":
                    return _Fate.UNKNOWN
                case "file_deleted":
                    return _Fate.SHOWN  # it was there, and somebody took it away: not ours to bring back
                case "missing_scope":
                    log.warning("files:read is missing, so file %s counts as shown", file_id)
                    return _Fate.SHOWN
            raise
        shares = file.get("shares") or {}
        places = {*shares.get("public", ()), *shares.get("private", ())}
        places.update(*(file.get(kind) or () for kind in ("channels", "groups", "ims")))
        return _Fate.SHOWN if channel_id in places else _Fate.COMPLETED

    async def _upload(self, picture: Picture) -> str:
        form = {
            "filename": picture.filename,
            "length": str(len(picture.data)),
            "alt_txt": picture.alt_text[:_ALT_MOST],
        }
        answer = await self._client.api_call("files.getUploadURLExternal", data=form)
        await self._post(str(answer["upload_url"]), picture.data)
        return str(answer["file_id"])

    async def _post(self, url: str, data: bytes) -> None:
        session = self._client.session
        if session is None or session.closed:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._client.timeout)) as session:
                await self._post_in(session, url, data)
        else:
            await self._post_in(session, url, data)

    async def _post_in(self, session: aiohttp.ClientSession, url: str, data: bytes) -> None:
        ssl = self._client.ssl or True
        # As a stream, large pictures are sent in pieces and do not hold up everything else.
        async with session.post(url, data=io.BytesIO(data), proxy=self._client.proxy, ssl=ssl) as answer:
            if answer.status != 200:
                raise TryAgain(f"Slack did not take the file: HTTP {answer.status}")
