"""What the moderators' desk says: quotas, keywords, sanctions, cases.

Pure: values in, plain sentences out; adapters escape them for their platform. Labels (“@alice”) are said as the asker
wrote them. “Here” stands for the server or workspace, so that the words are the same on every platform.
"""

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Final, assert_never

from bot.wording.numbers import clock_time, duration, pictures
from bot.wording.refusals import refusal, shorten
from generation.quota import Allowance, QuotaStatus, Scope
from generation.refusals import Sanctioned
from moderation.audit import SYSTEM, AuditAction, AuditEntry
from moderation.cases import Case, CaseKind
from moderation.rules import MAX_ALLOWED, MAX_CHARACTERS, MAX_KEYWORDS, Excused, KeywordProblem, Match, Rule, RuleSet
from moderation.sanctions import Sanction
from moderation.verdict import Action

NOT_A_MODERATOR: Final = "Only moderators can do that here."
NO_KEYWORD_BLURS: Final = "A keyword can hold or reject a prompt, or be allowed; it cannot blur."
NOT_FOR_THE_INSTALLATION: Final = (
    "What everybody gets where nothing is set is the operator's to choose, in tessera.toml."
)
WHOM: Final = "Say for whom."
NOTHING_TO_TEST: Final = "There is nothing to test. Write the prompt to try."
FROM_A_MINUTE_ON: Final = "A timeout lasts from 1 minute to 28 days (40,320 minutes)."
NO_SUCH_CASE: Final = "There is no such case here."

_DONE = {Action.HOLD: "held", Action.REJECT: "rejected", Action.ALLOW: "allowed"}
_CASE = {
    CaseKind.PROMPT: "a prompt that was stopped",
    CaseKind.IMAGE: "a picture that was stopped",
    CaseKind.SANCTION: "a sanction",
}
_AGAIN = {
    Scope.MEMBER: "What is set for their roles or for everybody counts again.",
    Scope.ROLE: "What is set for everybody counts again.",
    Scope.SERVER: "The usual number counts again.",
}
_WAS_DONE = {
    AuditAction.PROMPT_CHECKED: "The prompt was checked",
    AuditAction.IMAGE_CHECKED: "The picture was checked",
    AuditAction.SANCTION_APPLIED: "A request was turned away",
    AuditAction.DELIVERED: "The pictures were shown",
    AuditAction.HELD: "The pictures were held back",
    AuditAction.WITHHELD: "The pictures were not shown",
    AuditAction.FAILED: "The request failed",
    AuditAction.CANCELLED: "The request was cancelled",
    AuditAction.TIMED_OUT: "A timeout was set",
    AuditAction.BANNED: "A ban was set",
    AuditAction.LIFTED: "It was lifted",
    AuditAction.CASE_READ: "The case was read",
}
_SHOWN_PLACES = 10
_AROUND = 20  # characters shown on each side of a match
# The strictest platform takes messages of 2,000 characters, and escaping may add to them.
_LIST_CHARACTERS = 1_500


def own_quota(status: QuotaStatus, sanction: Sanction | None, *, now: int, zone: tzinfo) -> tuple[str, ...]:
    """What a member reads about their own allowance."""
    lines = (*_balance(status, now, zone), _own_source(status))
    if sanction is None:
        return lines
    paused = Sanctioned(until=sanction.until, reason=sanction.reason, case=sanction.case)
    return (*lines, refusal(paused, now=now, zone=zone))


def quota_of(label: str, status: QuotaStatus, sanction: Sanction | None, *, now: int, zone: tzinfo) -> tuple[str, ...]:
    """What a moderator reads about a member's."""
    first, *rest = _balance(status, now, zone)
    lines = [f"{label}: {first}", *rest, f"{status.source.amount} a day is {_source(status.source)}."]
    if sanction is not None:
        lines.append(sanctioned(label, sanction, now=now, zone=zone))
    return tuple(lines)


def _balance(status: QuotaStatus, now: int, zone: tzinfo) -> list[str]:
    lines = [f"{status.left_today} of {pictures(status.daily)} left today." if status.daily else "No daily pictures."]
    if status.held:
        is_or_are = "is" if status.held == 1 else "are"
        lines.append(f"{status.held} {is_or_are} under way or held back; what is not shown is not charged.")
    if status.granted:
        lines.append(f"Besides, {pictures(status.granted)} given by a moderator, for any day.")
    if status.daily:
        in_time = duration(status.resets_at - now)
        lines.append(f"The day's allowance comes back at {clock_time(status.resets_at, zone)} (in {in_time}).")
    return lines


def _own_source(status: QuotaStatus) -> str:
    if status.source.scope is Scope.MEMBER:
        return f"{status.source.amount} a day was set for you by a moderator."
    if status.source.scope is Scope.ROLE:
        return f"{status.source.amount} a day comes with one of your roles."
    return f"{status.source.amount} a day is {_source(status.source)}."


def _source(source: Allowance) -> str:
    match source.scope:
        case Scope.MEMBER:
            return "what a moderator set for this member"
        case Scope.ROLE:
            return f"what one of their roles ({source.subject}) gets"
        case Scope.SERVER:
            return "what everybody gets here"
        case Scope.INSTALLATION:
            return "what everybody gets unless a moderator sets another number"
        case _:
            assert_never(source.scope)


def allowance_set(scope: Scope, label: str, amount: int | None, before: int | None) -> tuple[str, ...]:
    """That a daily allowance was set, or taken back (`amount` None); `label` names the role or member."""
    whom = {Scope.ROLE: f"members with {label}", Scope.MEMBER: label}.get(scope, "everybody here")
    if amount is None:
        if before is None:
            return (f"Nothing was set for {whom}.",)
        return (f"Taken back: {pictures(before)} a day for {whom}. {_AGAIN[scope]}",)
    was = "" if before is None else f" (until now {before})"
    lines = [f"{pictures(amount)} a day for {whom}{was}."]
    if scope is Scope.ROLE:
        lines.append("Of several roles the largest number counts; one set for a member comes first.")
    if scope is Scope.SERVER:
        lines.append("A number set for a role or a member comes first.")
    return tuple(lines)


def granted(label: str, amount: int, status: QuotaStatus) -> str:
    """That a member was given pictures."""
    return f"{label} gets {pictures(amount)} on top, once, and has {status.left} left now."


def amount_out_of_range(least: int, most: int) -> str:
    """That a number of pictures is too small or too large."""
    return f"Give a number of pictures from {least} to {most:,}."


def too_long(what: str, length: int, limit: int) -> str:
    """That a reason or a text is too long."""
    return f"{what} is {length:,} characters long; the limit is {limit:,}."


def keyword_problem(problem: KeywordProblem, keyword: str) -> str:
    """Why a keyword could not be added."""
    match problem:
        case KeywordProblem.EMPTY:
            return "There is nothing to see in this keyword."
        case KeywordProblem.ONLY_STARS:
            return "Stars alone would stop every prompt. Add the word they belong to."
        case KeywordProblem.TOO_LONG:
            return f"A keyword has at most {MAX_CHARACTERS} characters."
        case KeywordProblem.TOO_MANY:
            return f"There is room for {MAX_KEYWORDS:,} keywords and {MAX_ALLOWED} allowed phrases. Remove one first."
        case KeywordProblem.DUPLICATE:
            return f"“{shorten(keyword)}” is on the list already."
        case KeywordProblem.OTHER_LIST:
            return f"“{shorten(keyword)}” has the opposite effect now. Remove it first, then add it again."
        case _:
            assert_never(problem)


def keyword_added(rule: Rule, before: Action | None, rules: RuleSet) -> tuple[str, ...]:
    """That a keyword was added or changed, and what it now does."""
    was = "" if before is None else f" They were {_DONE[before]} until now."
    if rule.effect is Action.ALLOW:
        lines = [
            f"Allowed: {_meaning(rule)}. Where it covers a keyword, the keyword does not count.",
            f"{len(rules.allow)} of {MAX_ALLOWED} allowed phrases.",
        ]
    else:
        lines = [
            f"Prompts with {_meaning(rule)} are {_DONE[rule.effect]}.{was}",
            f"{len(rules.rules):,} of {MAX_KEYWORDS:,} keywords.",
        ]
    if "*" in rule.term:
        lines.append("A star stands for other letters only at the start or the end; inside, it is a star.")
    return tuple(lines)


def _meaning(rule: Rule) -> str:
    thing = "phrase" if " " in rule.term else "word"
    match rule.keyword.startswith("*"), rule.keyword.endswith("*"):
        case True, True:
            return f"“{rule.term}” anywhere (even inside a word)"
        case True, False:
            return f"a {thing} that ends in “{rule.term}”"
        case False, True:
            return f"a {thing} that begins with “{rule.term}”"
        case _:
            return f"the {thing} “{rule.term}”"


def keyword_removed(rule: Rule) -> str:
    """That a keyword was taken away."""
    return f"“{rule.keyword}” is removed. Prompts with it were {_DONE[rule.effect]} until now."


def keyword_unknown(keyword: str) -> str:
    """That there is no such keyword to take away."""
    return f"“{shorten(keyword)}” is not on the list."


def keyword_list(rules: RuleSet) -> tuple[str, ...]:
    """All keywords by what they do; cut where a message would become too long."""
    if not rules.rules and not rules.allow:
        return ("No keywords yet.",)
    lines = []
    for effect in (Action.REJECT, Action.HOLD, Action.ALLOW):
        keywords = [rule.keyword for rule in (*rules.rules, *rules.allow) if rule.effect is effect]
        if keywords:
            lines.append(f"{_DONE[effect].capitalize()} ({len(keywords):,}): {_listed(keywords)}")
    return tuple(lines)


def _listed(keywords: Iterable[str]) -> str:
    names = sorted(f"“{keyword}”" for keyword in keywords)
    shown, room = 0, _LIST_CHARACTERS // len(_DONE)
    while shown < len(names) and room >= len(names[shown]):
        room -= len(names[shown]) + 2
        shown += 1
    hidden = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {hidden:,} more" if hidden else "") + "."


def tested(text: str, matches: Sequence[Match], excused: Sequence[Excused]) -> tuple[str, ...]:
    """What the rules would do with a text, and each place where one fires."""
    severest = max((match.rule.effect for match in matches), default=None)
    lines = ["This would go through." if severest is None else f"This would be {_DONE[severest]}."]
    lines += [f"“{each.rule.keyword}” ({_DONE[each.rule.effect]}): {_place(text, each)}" for each in matches]
    lines += [
        f"“{each.match.rule.keyword}” does not count, since “{each.by.keyword}” is allowed: {_place(text, each.match)}"
        for each in excused
    ]
    hidden = len(lines) - 1 - _SHOWN_PLACES
    return (*lines[: _SHOWN_PLACES + 1], f"And {hidden:,} more.") if hidden > 0 else tuple(lines)


def _place(text: str, match: Match) -> str:
    """The match in brackets with a few words around it, and where it is, counted from 1."""
    before, after = text[: match.start], text[match.end :]
    if len(before) > _AROUND:
        tail = before[-_AROUND:]
        before = "…" + (tail.partition(" ")[2] or tail)
    if len(after) > _AROUND:
        head = after[:_AROUND]
        after = (head.rpartition(" ")[0] or head) + "…"
    return f"{before}[{shorten(match.original)}]{after} (from character {match.start + 1})"


def sanctioned(label: str, sanction: Sanction, *, now: int, zone: tzinfo) -> str:
    """What a member is under."""
    because = f" Reason: “{sanction.reason}”." if sanction.reason else ""
    if sanction.until is None:
        return f"{label} cannot ask for pictures until the ban is lifted.{because} Case {sanction.case}."
    until = f"{clock_time(sanction.until, zone)} (in {duration(sanction.until - now)})"
    return f"{label} cannot ask for pictures until {until}.{because} Case {sanction.case}."


def banned_already(label: str, case: str) -> str:
    """That a timeout would shorten a ban."""
    return f"{label} is banned (case {case}). Lift the ban first to set a timeout."


def lifted(label: str, sanction: Sanction | None) -> str:
    """That a sanction ended, or that there was none."""
    if sanction is None:
        return f"{label} is under no timeout or ban."
    return f"{label} can ask for pictures again. The {sanction.kind} is lifted (case {sanction.case})."


def case_file(case: Case, history: Iterable[AuditEntry], zone: tzinfo) -> tuple[str, ...]:
    """All that is kept about a case; `history` newest first."""
    member = case.account.rsplit(":", 1)[-1]
    lines = [f"Case {case.id}: {_CASE[case.kind]}, {clock_time(case.at, zone)}, member {member}."]
    if case.prompt is not None:
        lines.append(f"Prompt: “{shorten(case.prompt, 1_000)}”")
    elif case.kind is CaseKind.PROMPT:
        lines.append("The prompt is no longer kept; prompts are deleted after 30 days.")
    lines += [reason.detail for reason in (case.verdict.reasons if case.verdict else ()) if reason.detail]
    for entry in history:
        why = f": {entry.detail['reason']}" if entry.detail.get("reason") else ""
        by = "" if entry.actor == SYSTEM else f" by {entry.actor.rsplit(':', 1)[-1]}"
        lines.append(f"{clock_time(entry.at, zone)}: {_WAS_DONE.get(entry.action, entry.action)}{by}{why}")
    return tuple(lines)
