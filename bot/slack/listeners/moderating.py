"""What `/quota`, `/filter` and `/sanction` do: read the words, ask Slack who moderates, and hand over to the desk.

Owns the grammar of these commands. Every rule and every right is the desk's; this module only says, freshly asked from
Slack, whether the asker moderates.
"""

import re
from collections.abc import Awaitable, Callable, Iterable

from bot import phrase
from bot.phrase import Split
from bot.services import Actor, Desk, Reply, Target
from bot.slack.payload import Invocation
from bot.slack.room import Room
from bot.slack.text import mentioned, plain
from bot.wording import slack as wording
from bot.wording.phrase import misread
from bot.wording.refusals import shorten
from generation.quota import Scope
from moderation.verdict import Action

_WORDS = re.compile(r"<[^<>]*>|\S+")
_EFFECTS = {"hold": Action.HOLD, "reject": Action.REJECT, "allow": Action.ALLOW}
_MOST = 1_000_000


class _Wrong(Exception):
    """The words cannot be read; `lines` say what to type. Raised and caught in this module only."""

    def __init__(self, *lines: str) -> None:
        super().__init__()
        self.lines = lines


async def quota(room: Room, call: Invocation) -> Iterable[str]:
    """`/quota`; `show @member`; `set everyone|@member|@usergroup <n>|default`; `grant @member <n> [reason]`."""
    desk, (verb, *words) = room.services.desk, _words(call)
    if not verb:
        requester = call.requester(await room.directory.role_ids(call.user_id))
        return (await desk.my_quota(requester)).lines
    match verb, words:
        case "show", [who]:
            return await _as_moderator(room, call, lambda actor: _quota_show(room, actor, who))
        case "set", [whom, amount]:
            return await _as_moderator(room, call, lambda actor: _quota_set(desk, actor, whom, amount))
        case "grant", [who, amount, *reason]:
            return await _as_moderator(room, call, lambda actor: _quota_grant(desk, actor, who, amount, reason))
    return wording.USAGE["/quota"]


async def filter_(room: Room, call: Invocation) -> Iterable[str]:
    """`add <keyword> [--effect hold|reject|allow]`; `remove <keyword>`; `list`; `test <text>`; `case <number>`."""
    desk = room.services.desk
    verb, _, rest = plain(call.text).strip().partition(" ")
    match verb.lower(), rest.strip():
        case "add", keyword if keyword:
            return await _as_moderator(room, call, lambda actor: _filter_add(desk, actor, keyword))
        case "remove", keyword if keyword:
            return await _as_moderator(room, call, lambda actor: desk.filter_remove(actor, keyword))
        case "list", "":
            return await _as_moderator(room, call, desk.filter_list)
        case "test", text if text:
            return await _as_moderator(room, call, lambda actor: desk.filter_test(actor, text))
        case "case", case if case:
            return await _as_moderator(room, call, lambda actor: desk.case_show(actor, case))
    return wording.USAGE["/filter"]


async def sanction(room: Room, call: Invocation) -> Iterable[str]:
    """`timeout @member <minutes> [reason]`; `ban @member [reason]`; `lift @member`."""
    desk, (verb, *words) = room.services.desk, _words(call)
    match verb, words:
        case "timeout", [who, minutes, *reason]:
            return await _as_moderator(room, call, lambda actor: _timeout(desk, actor, who, minutes, reason))
        case "ban", [who, *reason]:
            return await _as_moderator(
                room, call, lambda actor: desk.sanction_ban(actor, _member(who), plain(" ".join(reason)))
            )
        case "lift", [who]:
            return await _as_moderator(room, call, lambda actor: desk.sanction_lift(actor, _member(who)))
    return wording.USAGE["/sanction"]


async def _as_moderator(room: Room, call: Invocation, do: Callable[[Actor], Awaitable[Reply]]) -> Iterable[str]:
    moderates = await room.directory.moderates(call.user_id)
    if moderates is None:
        return (wording.moderator_unconfirmed(),)
    requester = call.requester(await room.directory.role_ids(call.user_id))
    actor = Actor(requester=requester, moderator=moderates, name=call.user_name)
    try:
        return (await do(actor)).lines
    except _Wrong as wrong:
        return wrong.lines


async def _quota_show(room: Room, actor: Actor, who: str) -> Reply:
    member = _member(who)
    with_roles = Target(member.id, member.label, await room.directory.role_ids(member.id))
    return await room.services.desk.quota_show(actor, with_roles)


async def _quota_set(desk: Desk, actor: Actor, whom: str, amount: str) -> Reply:
    number = None if amount.lower() == "default" else _number(amount, "pictures", least=0)
    if whom.lower() in {"everyone", "@everyone", "<!everyone>"}:
        return await desk.quota_set(actor, Scope.SERVER, None, number)
    found = mentioned(whom)
    if found is None:
        raise _Wrong(wording.name_whom())
    kind, found_id, label = found
    scope = Scope.MEMBER if kind == "member" else Scope.ROLE
    return await desk.quota_set(actor, scope, Target(found_id, label), number)


async def _quota_grant(desk: Desk, actor: Actor, who: str, amount: str, reason: list[str]) -> Reply:
    member, number = _member(who), _number(amount, "pictures", least=1)
    return await desk.quota_grant(actor, member, number, plain(" ".join(reason)))


async def _filter_add(desk: Desk, actor: Actor, text: str) -> Reply:
    split = phrase.split_options(text, ("effect",))
    if not isinstance(split, Split):
        raise _Wrong(misread(split))
    effect = split.values.get("effect")
    if effect is not None and effect.lower() not in _EFFECTS:
        raise _Wrong(wording.not_an_effect(shorten(effect, 30)))
    if not split.text:
        raise _Wrong(*wording.USAGE["/filter"])
    return await desk.filter_add(actor, split.text, None if effect is None else _EFFECTS[effect.lower()])


async def _timeout(desk: Desk, actor: Actor, who: str, minutes: str, reason: list[str]) -> Reply:
    member, number = _member(who), _number(minutes, "minutes", least=1)
    return await desk.sanction_timeout(actor, member, number, plain(" ".join(reason)))


def _words(call: Invocation) -> list[str]:
    """The command's words, mentions whole, the first in lower case; one empty word for no words."""
    words = _WORDS.findall(call.text) or [""]
    return [words[0].lower(), *words[1:]]


def _member(word: str) -> Target:
    found = mentioned(word)
    if found is None or found[0] != "member":
        raise _Wrong(wording.name_a_member())
    return Target(found[1], found[2])


def _number(word: str, what: str, *, least: int) -> int:
    if not (word.isascii() and word.isdecimal()) or len(word) > 9 or not least <= int(word) <= _MOST:
        raise _Wrong(wording.not_a_number(what, shorten(plain(word), 30)))
    return int(word)
