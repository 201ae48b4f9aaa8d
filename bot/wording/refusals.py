"""The sentence for each reason a request was not accepted.

Owns the wording of `generation.refusals`. Pure: values in, plain sentences out; adapters escape them for their
platform. Tone: plain, short, never blaming, no exclamation marks.
"""

from datetime import UTC, tzinfo
from typing import assert_never

from bot.wording.numbers import clock_time, duration, pictures
from bot.wording.routes import cannot_serve
from generation import refusals as r


def refusal(  # noqa: C901, PLR0911, PLR0912 - one case a reason, closed by assert_never
    reason: r.Refusal, *, now: int, zone: tzinfo = UTC
) -> str:
    """One plain sentence (or two short ones) for a refusal; `now` in ms decides what "in 3 h" means."""
    match reason:
        case r.EmptyPrompt():
            return "The prompt is empty. Say what you would like to see."
        case r.PromptTooLong(length=length, limit=limit):
            return f"The prompt is {length:,} characters long; the limit is {limit:,}."
        case r.UnknownModel(asked=asked, offered=offered):
            return f"No model here is called “{shorten(asked)}”. On offer: {', '.join(offered) or 'none yet'}."
        case r.ModelAbsent(why=why, instead=instead):
            return f"{why} {instead} is on offer here." if instead else why
        case r.CannotServe():
            return cannot_serve(reason)
        case r.BadSize(asked=asked, model=model, allowed=allowed):
            return f"{model} does not draw “{shorten(asked)}”. Sizes: {', '.join(allowed)}."
        case r.BadSeed(highest=highest):
            return f"A seed is a whole number from 0 to {highest:,}."
        case r.BadCount(most=most):
            return (
                f"This model draws 1 to {most} pictures at a time."
                if most > 1
                else "This model draws one picture at a time."
            )
        case r.QuotaUsed():
            return _quota_used(reason, now, zone)
        case r.Sanctioned(until=until, reason=why, case=case):
            when = f"until {clock_time(until, zone)} (in {duration(until - now)})" if until else "until further notice"
            because = f" Reason: “{why}”." if why else ""
            return f"A moderator has paused your picture requests {when}.{because} Case {case}."
        case r.PromptHeld(term=term, case=case):
            return (
                f"Prompts that mention “{term}” are held here. Nothing was charged. Ask a moderator about case {case}."
            )
        case r.PromptRejected(term=term, case=case):
            return f"Prompts that mention “{term}” are not drawn here. Nothing was charged. Case {case}."
        case r.RulesUnreadable():
            return "The rules for prompts cannot be read right now, so nothing is drawn. The operator can see why."
        case r.TooManyWaiting(waiting=waiting):
            under_way = "one request" if waiting == 1 else f"{waiting} requests"
            return f"You have {under_way} under way, the most at a time here. Ask again when one is done."
        case _:
            assert_never(reason)


def _quota_used(reason: r.QuotaUsed, now: int, zone: tzinfo) -> str:
    status = reason.status
    if status.left:
        first = f"You asked for {pictures(reason.asked)} and have {status.left} left."
    elif not status.daily:
        return "You have no daily pictures here. A moderator can change that."
    else:
        own = "today's picture" if status.daily == 1 else f"today's {pictures(status.daily)}"
        first = f"You have used {own}{_under_way(status.held)}."
    if not status.daily:
        return f"{first} A moderator can give more."
    wait = duration(status.resets_at - now)
    return f"{first} The next ones come back at {clock_time(status.resets_at, zone)} (in {wait})."


def _under_way(held: int) -> str:
    """Pictures that are not done count as used, and a member may well ask which."""
    return f", counting {held} under way" if held else ""


def shorten(text: str, most: int = 60) -> str:
    """A member's text cut to `most` characters, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1].rstrip() + "…"
