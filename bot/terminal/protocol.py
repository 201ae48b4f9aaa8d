"""What the front and `tessera imagine` say to each other: JSON over HTTP on a Unix socket, one event a line.

Owns the event shapes of both halves. Pure. The stream of one request ends with `refused`, `done` or `failed`; a stream
that ends without one was cut off, and the request can be followed again by its id.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

REQUEST_ID = re.compile(r"terminal-[0-9a-f]{32}")
"""What a terminal's request id looks like; the client makes it, so that asking again is asking once."""


class Garbled(ValueError):
    """The other side said something that is none of the shapes here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened to the request; `at` in milliseconds since the epoch."""

    name: str
    at: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Not accepted, and why in a sentence."""

    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Stored and under way; `line` is the first word on when."""

    request_id: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A passing word; `percent` is how far the drawing is, None while it has not begun."""

    line: str
    percent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The pictures lie at `files` (absolute paths)."""

    request_id: str
    lines: tuple[str, ...]
    files: tuple[str, ...]
    timeline: tuple[Moment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """There is no picture (failed, withheld, held or cancelled), and why."""

    request_id: str
    lines: tuple[str, ...]
    timeline: tuple[Moment, ...] = ()


Event = Refused | Accepted | Progress | Done | Failed
Ending = Refused | Done | Failed

_NAMES: dict[str, type[Any]] = {
    "refused": Refused,
    "accepted": Accepted,
    "progress": Progress,
    "done": Done,
    "failed": Failed,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What `tessera imagine` asks for; nothing in it is checked but its types."""

    id: str
    prompt: str
    model: str | None = None
    size: str | None = None
    seed: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The last word on a request as it is kept beside the pictures, for whoever asks later."""

    lines: tuple[str, ...]
    files: tuple[str, ...] = field(default=())


def as_dict(event: Event) -> dict[str, Any]:
    """The event as JSON can hold it, with its name under `event`."""
    name = next(name for name, kind in _NAMES.items() if type(event) is kind)
    return {"event": name, **asdict(event)}


def encode(event: Event) -> bytes:
    """One line."""
    return json.dumps(as_dict(event)).encode() + b"\n"


def decode(line: bytes) -> Event:
    """The event on one line; raises `Garbled`."""
    try:
        data = json.loads(line)
        kind = _NAMES[data.pop("event")]
        if "timeline" in data:
            data["timeline"] = tuple(Moment(**moment) for moment in data["timeline"])
        event: Event = kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in data.items()})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Garbled("the front said something this program does not understand") from error
    return event


def read_wish(body: bytes) -> Wish:
    """The wish in a request's body; raises `Garbled` with a sentence."""
    try:
        data = json.loads(body)
        wish = Wish(**data)
    except (ValueError, TypeError) as error:
        raise Garbled("the body is no wish") from error
    texts_or_none, numbers_or_none = (wish.model, wish.size), (wish.seed,)
    good = (
        isinstance(wish.id, str)
        and REQUEST_ID.fullmatch(wish.id) is not None
        and isinstance(wish.prompt, str)
        and all(value is None or isinstance(value, str) for value in texts_or_none)
        and all(value is None or _is_number(value) for value in numbers_or_none)
        and _is_number(wish.count)
    )
    if not good:
        raise Garbled("a field of the wish has a wrong type")
    return wish


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
