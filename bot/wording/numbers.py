"""How numbers, times and lengths of time are written. Pure."""

from datetime import UTC, datetime, tzinfo

# Not strftime's, which speaks the machine's language.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ORDINALS = ("", "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth")


def pictures(count: int) -> str:
    """`1 picture`, `4 pictures`."""
    return f"{count} picture" if count == 1 else f"{count} pictures"


def duration(ms: int) -> str:
    """`40 s`, `3 min`, `3 h 12 min`, `2 d 4 h`: two units at most, never below zero."""
    seconds = max(0, round(ms / 1000))
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def seconds(value: float) -> str:
    """`3.2 s` below ten seconds, `25 s` above, minutes from two minutes on."""
    # The limits are where the rounded figure would reach ten and a hundred and twenty.
    if value >= 119.5:
        return duration(round(value * 1000))
    return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"


def about(value: float) -> str:
    """`about 3 s`, `about 25 s`, `about 7 min`: an estimate, no finer than it can be true; never below a second."""
    # From 9.5 and 57.5 s on, the rounded figure would reach the next kind of rounding.
    if value < 9.5:
        return f"about {max(1, round(value))} s"
    return f"about {5 * round(value / 5)} s" if value < 57.5 else f"about {duration(max(60_000, round(value * 1000)))}"


def clock_time(ms: int, zone: tzinfo = UTC) -> str:
    """`21 Nov 00:00 UTC`: with the day and the zone named, since members live in several."""
    at = datetime.fromtimestamp(ms / 1000, zone)
    return f"{at.day} {_MONTHS[at.month - 1]} {at:%H:%M %Z}"


def place_in_line(position: int) -> str:
    """`Next in line`, `Third in line`, `Number 14 in line`; `position` 1 is next."""
    if position <= 1:
        return "Next in line"
    return f"{_ORDINALS[position]} in line" if position < len(_ORDINALS) else f"Number {position} in line"


def dollars(micros: int) -> str:
    """`$0.042` for 42,000 millionths: three decimals below ten cents, else two; no cost is rounded to nothing."""
    value = micros / 1_000_000
    if 0 < value < 0.001:
        return "under $0.001"
    return f"${value:.3f}" if value < 0.1 else f"${value:.2f}"
