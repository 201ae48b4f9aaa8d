"""Who makes it: which of the offered models can serve a request, in which order, why, and what each would cost.

Owns `route`, a function of what the request needs, what server and member allow, and how the models are doing; and the
nouns of it. Pure. It must not know platforms, queues or sentences: reasons are names, `bot.wording` has the
words. What happens when the chosen one fails is `generation.failover`'s.
"""

import datetime as dt
import enum
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from generation.catalogue import Lettering, ModelEntry, Openness, Permission
from generation.request import Task
from generation.sizes import dimensions


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one request requires.

    `model` is an id; `size` is as the member wrote it, None for any; `seed` says that the member named one;
    `legible_text` that words are to be read in the picture; `private` that nobody outside may see the prompt;
    `references` counts pictures sent along.
    """

    task: Task = Task.TEXT_TO_IMAGE
    model: str | None = None
    size: str | None = None
    count: int = 1
    seed: bool = False
    negative_prompt: bool = False
    legible_text: bool = False
    lora: bool = False
    references: int = 0
    private: bool = False


class Prefer(enum.StrEnum):
    """What decides between models that serve a request equally well."""

    ORDER = "order"  # the operator's: models.offer
    PRICE = "price"
    SPEED = "speed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePolicy:
    """What server, channel and member allow. `highest_price` is for a whole request, in millionths of a US dollar."""

    local_only: bool = False
    open_weights_only: bool = False
    commercial_only: bool = False
    highest_price: int | None = None
    prefer: Prefer = Prefer.ORDER


class Health(enum.IntEnum):
    """How a model is doing, best first."""

    WELL = 0
    ON_TRIAL = 1  # it failed, and one request is let through to see whether it is back
    FAILING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One model now: its health, the seconds until a request would be begun, and a picture's seconds if measured."""

    health: Health = Health.WELL
    wait_s: float = 0.0
    picture_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteState:
    """The day, and how each model is doing; one that is not named is doing well and has no line."""

    today: dt.date
    models: Mapping[str, Standing] = field(default_factory=dict)


class Bar(enum.StrEnum):
    """Why a model may or can not serve a request."""

    LICENCE = "licence"
    GONE = "gone"
    TASK = "task"
    REFERENCES = "references"
    LORA = "lora"
    SIZE = "size"
    COUNT = "count"
    LEAVES_HERE = "leaves_here"
    CLOSED = "closed"
    NOT_COMMERCIAL = "not_commercial"
    PRICE_UNKNOWN = "price_unknown"
    TOO_DEAR = "too_dear"
    NOT_OFFERED = "not_offered"


class Unmet(enum.StrEnum):
    """What a model that can serve a request would not honour of it."""

    SEED = "seed"
    NEGATIVE_PROMPT = "negative_prompt"
    LEGIBLE_TEXT = "legible_text"


class Why(enum.StrEnum):
    """What speaks for a model."""

    ASKED_FOR = "asked_for"
    LEGIBLE_TEXT = "legible_text"
    SEED = "seed"
    NEGATIVE_PROMPT = "negative_prompt"
    REFERENCES = "references"
    STAYS_HERE = "stays_here"
    OPEN = "open"
    COMMERCIAL = "commercial"
    WITHIN_PRICE = "within_price"
    FIRST_OF_ORDER = "first_of_order"


@dataclass(frozen=True, slots=True)
class Quote:
    """What a request is expected to cost (millionths of a US dollar, None if nobody knows) and to take, in seconds."""

    price: int | None
    wait_s: float
    drawing_s: float


@dataclass(frozen=True, slots=True)
class Choice:
    """One model that can serve the request."""

    entry: ModelEntry
    quote: Quote
    reasons: tuple[Why, ...]
    unmet: tuple[Unmet, ...]
    health: Health


@dataclass(frozen=True, slots=True)
class Barred:
    """One offered model that cannot serve the request, with all that stands in its way."""

    entry: ModelEntry
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    """All offered models: those that can serve the request, best first, and those that cannot, in their order."""

    choices: tuple[Choice, ...]
    barred: tuple[Barred, ...]


_UNKNOWN = Standing()
# How much it counts that a wish goes unheard: a picture without its words is the wrong picture.
_MISSED: Mapping[Unmet, float] = {Unmet.LEGIBLE_TEXT: 4.0, Unmet.SEED: 2.0, Unmet.NEGATIVE_PROMPT: 1.0}
_FAIR_LETTERS = 1.5
# Lines that a person would call equally long: nothing to speak of, a moment, some minutes, long.
_LINES_S = (30.0, 120.0, 600.0)


def route(needs: Needs, offered: Iterable[ModelEntry], policy: RoutePolicy, state: RouteState) -> Routing:
    """Rank the offered models for one request.

    A model asked for by name comes first if it may serve at all. Of the others, those that honour more of the request
    come before those that are merely well, those before those with a short line, and what remains is decided by
    `policy.prefer`. Nobody is left out for being unwell: a request may have no other way.
    """
    ranked: list[tuple[tuple[float, ...], Choice]] = []
    barred = []
    for place, entry in enumerate(offered):
        price = entry.price(needs.count)
        if bars := _bars(entry, needs, policy, state.today, price):
            barred.append(Barred(entry, bars))
            continue
        standing = state.models.get(entry.id, _UNKNOWN)
        quote = Quote(price, standing.wait_s, (standing.picture_s or entry.typical_seconds) * needs.count)
        reasons, unmet = _reasons(entry, needs, policy, place), _unmet(entry, needs)
        choice = Choice(entry, quote, reasons, unmet, standing.health)
        ranked.append((_rank(choice, needs, policy, place), choice))
    # Ranks end with the place in the order, so no two are the same and choices are never compared.
    ranked.sort(key=lambda each: each[0])
    return Routing(tuple(choice for _, choice in ranked), tuple(barred))


def _bars(entry: ModelEntry, needs: Needs, policy: RoutePolicy, today: dt.date, price: int | None) -> tuple[Bar, ...]:
    highest = policy.highest_price
    stands = (
        (Bar.LICENCE, not entry.may_serve),
        (Bar.GONE, entry.is_gone(today)),
        (Bar.TASK, needs.task not in entry.tasks),
        (Bar.REFERENCES, needs.references > entry.references),
        (Bar.LORA, needs.lora and not entry.lora),
        (Bar.SIZE, needs.size is not None and dimensions(needs.size, entry) is None),
        (Bar.COUNT, needs.count > entry.max_images),
        (Bar.LEAVES_HERE, (needs.private or policy.local_only) and not entry.stays_here),
        (Bar.CLOSED, policy.open_weights_only and entry.openness is Openness.API_ONLY),
        (Bar.NOT_COMMERCIAL, policy.commercial_only and not _is_commercial(entry)),
        (Bar.PRICE_UNKNOWN, highest is not None and price is None),
        (Bar.TOO_DEAR, highest is not None and price is not None and price > highest),
    )
    return tuple([bar for bar, holds in stands if holds])


def _is_commercial(entry: ModelEntry) -> bool:
    """By its licence, or by the operator's word for one of their own."""
    return entry.commercial_use is Permission.YES or bool(entry.operator_licence)


def _unmet(entry: ModelEntry, needs: Needs) -> tuple[Unmet, ...]:
    missed = (
        (Unmet.LEGIBLE_TEXT, needs.legible_text and entry.lettering is Lettering.WEAK),
        (Unmet.SEED, needs.seed and not entry.seeds),
        (Unmet.NEGATIVE_PROMPT, needs.negative_prompt and not entry.negative_prompt),
    )
    return tuple([unmet for unmet, holds in missed if holds])


def _reasons(entry: ModelEntry, needs: Needs, policy: RoutePolicy, place: int) -> tuple[Why, ...]:
    speaks = (
        (Why.ASKED_FOR, needs.model == entry.id),
        (Why.LEGIBLE_TEXT, needs.legible_text and entry.lettering is Lettering.STRONG),
        (Why.SEED, needs.seed and entry.seeds),
        (Why.NEGATIVE_PROMPT, needs.negative_prompt and entry.negative_prompt),
        (Why.REFERENCES, needs.references > 0),
        (Why.STAYS_HERE, needs.private or policy.local_only),
        (Why.OPEN, policy.open_weights_only),
        (Why.COMMERCIAL, policy.commercial_only),
        (Why.WITHIN_PRICE, policy.highest_price is not None),
        (Why.FIRST_OF_ORDER, place == 0),
    )
    return tuple([why for why, holds in speaks if holds])


def _rank(choice: Choice, needs: Needs, policy: RoutePolicy, place: int) -> tuple[float, ...]:
    """The lower the better."""
    missed = sum([_MISSED[each] for each in choice.unmet])
    if needs.legible_text and choice.entry.lettering is Lettering.FAIR:
        missed += _FAIR_LETTERS
    quote = choice.quote
    line = bisect_left(_LINES_S, quote.wait_s)
    taste = 0.0
    if policy.prefer is Prefer.PRICE:
        taste = float("inf") if quote.price is None else float(quote.price)
    elif policy.prefer is Prefer.SPEED:
        taste = quote.wait_s + quote.drawing_s
    return (needs.model != choice.entry.id, missed, choice.health, line, taste, place)
