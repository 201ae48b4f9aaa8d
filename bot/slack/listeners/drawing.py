"""What `/imagine` does: read the phrase, submit, and put up the placeholder.

Owns the order of these. The request is submitted first: a refused prompt then never shows in public, and an event that
comes twice is a duplicate before anything is posted. The placeholder comes after, and whoever needs it sooner waits for
it (`bot.slack.placeholders`). Refusals are answered to the member alone.
"""

import logging
from collections.abc import Iterable

from bot import phrase
from bot.phrase import Phrase
from bot.slack import blocks
from bot.slack.errors import CALL_ERRORS, code, is_temporary
from bot.slack.payload import Invocation
from bot.slack.room import Room
from bot.slack.text import plain
from bot.wording import slack as wording
from bot.wording.phrase import misread
from bot.wording.refusals import refusal
from generation.refusals import Accepted, Refused
from generation.request import Ask

log = logging.getLogger(__name__)


async def imagine(room: Room, call: Invocation) -> Iterable[str]:
    """Ask for pictures; return what the member alone is told, nothing when the placeholder says it all."""
    text = plain(call.text)
    if text.strip().lower() == "help":
        return wording.USAGE["/imagine"]
    read = phrase.read(text)
    if not isinstance(read, Phrase):
        return (misread(read),)
    ask = Ask(
        id=call.request_id,
        requester=call.requester(await room.directory.role_ids(call.user_id)),
        reply_to=call.reply_to,
        prompt=read.prompt,
        model=read.model,
        size=read.size,
        seed=read.seed,
        count=read.count,
        created_at=room.services.now(),
    )
    if not room.placeholders.expect(ask.id):
        log.info("request %s came twice at once and is under way", ask.id)
        return ()
    ts = None
    try:
        match await room.services.submit(ask):
            case Refused(refusal=reason):
                return (refusal(reason, now=room.services.now(), zone=room.services.zone),)
            case Accepted(duplicate=True):
                log.info("request %s came again and was answered before", ask.id)
                return ()
            case Accepted() as accepted:
                ts, lines = await _put_up(room, call, accepted)
                return lines
    finally:
        room.placeholders.settle(ask.id, ts)


async def _put_up(room: Room, call: Invocation, accepted: Accepted) -> tuple[str | None, Iterable[str]]:
    """Post the placeholder; return its timestamp, and what to tell the member where it could not be posted."""
    request = accepted.request
    name = await room.directory.name(call.user_id) or call.user_name
    text = blocks.waiting(
        blocks.quote(request.prompt, name), await room.services.waiting_line(accepted), request.id, call.user_id
    )
    try:
        posted = await room.client.chat_postMessage(
            channel=call.channel_id, thread_ts=call.thread_ts, unfurl_links=False, unfurl_media=False, **text
        )
    except CALL_ERRORS as error:
        log.warning("the placeholder of request %s could not be posted: %s", request.id, code(error))
        if is_temporary(error):
            return None, (wording.slow_but_coming(),)
        # Where no message can be posted no picture can be either: end it now rather than draw it for nobody.
        await room.services.cancel(request.id, request.requester)
        return None, (wording.invite_first(),)
    ts = str(posted["ts"])
    await room.services.attach(request.id, ts)
    return ts, ()
