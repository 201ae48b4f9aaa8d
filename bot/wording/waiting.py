"""The passing lines in a placeholder, from queue to picture. Pure; a wait names an estimate where one is known."""

from bot.wording.numbers import about, place_in_line
from generation.estimate import Place
from generation.result import ProgressEvent


def in_line(place: Place, *, served: bool) -> str:
    """`Third in line, about 25 s.`; `served` says whether any worker is up to serve the line at all."""
    if not served:
        return f"{place_in_line(place.position)}. Drawing is paused right now; your place is kept."
    return f"{place_in_line(place.position)}, {about(place.seconds)}."


def queued_offline() -> str:
    """Redis is away, but the request is safe in SQLite."""
    return "In line. Drawing is paused right now; your place is kept."


def working(event: ProgressEvent, title: str, count: int, own_s: float) -> str:
    """What the worker does right now; `own_s` is how long this request takes by itself, in seconds."""
    match event.stage:
        case "started":
            return f"Starting, {about(own_s)}."
        case "loading":
            return f"Loading {title}, then {about(own_s)}."
        case "drawing" if event.total:
            return f"Drawing, {event.percent} %."
        case "checking":
            return f"Checking {'it' if count == 1 else 'them'}."
        case "storing":
            return f"Saving {'it' if count == 1 else 'them'}."
        case _:
            return f"Drawing, {about(own_s)}."
