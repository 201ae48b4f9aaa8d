"""The passing lines in a placeholder, from queue to picture. Pure; a wait names an estimate where one is known."""

from bot.wording.numbers import pictures, place_in_line, seconds
from generation.estimate import Place
from generation.result import ProgressEvent


def in_line(place: Place, *, served: bool) -> str:
    """`Third in line, about 25 s.`; `served` says whether any worker is up to serve the line at all."""
    if not served:
        return f"{place_in_line(place.position)}. No worker is up right now; it is kept and drawn when one is."
    return f"{place_in_line(place.position)}, about {seconds(max(1.0, place.seconds))}."


def queued_offline() -> str:
    """Redis is away, but the request is safe in SQLite."""
    return "Queued. The line to the workers is down; it is kept and drawn when it is back."


def working(event: ProgressEvent, title: str, count: int) -> str:
    """What the worker does right now."""
    match event.stage:
        case "started":
            return "A worker begins."
        case "loading":
            return f"Waking {title}."
        case "drawing" if event.total:
            return f"Drawing, {event.percent} %."
        case "checking":
            return f"Looking {'it' if count == 1 else 'them'} over."
        case "storing":
            return f"Putting {pictures(count)} away."
        case _:
            return "Drawing."
