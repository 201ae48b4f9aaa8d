"""From what a member wrote to what exactly is to be made, or to the reason why not.

Owns `resolve`: model, size, seed and count against the catalogue, complete and in range; and what a request needs, as
far as the prompt's words show it. Pure. Which of the models that can serve it does so is `generation.routing`'s.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from generation.catalogue import Catalogue, ModelEntry
from generation.failover import Consent, failover, is_free
from generation.refusals import (
    BadCount,
    BadSeed,
    BadSize,
    CannotServe,
    EmptyPrompt,
    ModelAbsent,
    PromptTooLong,
    Refusal,
    UnknownModel,
)
from generation.request import Ask, GenerationParams, GenerationRequest
from generation.result import FailureKind
from generation.routing import Bar, Barred, Choice, Health, Needs, RoutePolicy, RouteState, Routing, route
from generation.sizes import dimensions

HIGHEST_SEED = 2**32 - 1
"""Seeds fit in 32 bits, as every common scheduler and interface takes them."""

# Words that are to be read in the picture: something in quotes, or a phrase that announces it.
_QUOTED = re.compile(r"""[“„«][^“”„«»]*\w[^“”„«»]*[“”»]|(?<!\w)(["'])(?:(?!\1).)*\w(?:(?!\1).)*\1(?!\w)""")
_ANNOUNCED = re.compile(
    r"\b(?:that (?:says|reads)|(?:saying|reading):|with the (?:words?|text|letters|title|caption|slogan|inscription)"
    r"|lettering|typography)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Route:
    """Which model makes it, with which numbers, and why; `instead_of` titles one that was asked for and is failing."""

    entry: ModelEntry
    params: GenerationParams
    routing: Routing
    instead_of: str = ""


def resolve(
    ask: Ask,
    prompt: str,
    catalogue: Catalogue,
    *,
    longest_prompt: int,
    any_seed: Callable[[], int],
    policy: RoutePolicy,
    consent: Consent,
    state: RouteState,
) -> Route | Refusal:
    """Fill in what the member left open and check the rest; `prompt` is the cleaned one.

    `any_seed` gives a seed in 0 … `HIGHEST_SEED` where the member named none. A model that was asked for by name makes
    it, unless it is failing and another may do so unasked; without a name the best of those that may unasked does.
    Unasked is what shows the prompt to nobody new and costs no more than the default would, or what `consent` allows.
    """
    if not prompt:
        return EmptyPrompt()
    if len(prompt) > longest_prompt:
        return PromptTooLong(len(prompt), longest_prompt)
    named = catalogue.find(ask.model)
    if named is None:
        return _unknown(ask.model or "", catalogue)
    if ask.seed is not None and not 0 <= ask.seed <= HIGHEST_SEED:
        return BadSeed(ask.seed, HIGHEST_SEED)
    asked_for = bool(ask.model and ask.model.strip())
    if ask.count < 1:
        return BadCount(ask.count, named.max_images)
    routing = route(needs_of(ask, prompt, named.id if asked_for else None), catalogue.offered, policy, state)
    if not asked_for:
        routing = _unasked(routing, named, ask.count, consent)
    barred = next((each for each in routing.barred if each.entry.id == named.id), None)
    if barred is not None and (asked_for or not routing.choices):
        return _why_not(ask, barred)
    return _route(ask, routing, consent, any_seed)


def needs_of(ask: Ask, prompt: str, model: str | None) -> Needs:
    """What the request requires, by what was chosen and by the prompt's words; `model` is an id."""
    return Needs(
        model=model,
        size=ask.size,
        count=ask.count,
        seed=ask.seed is not None,
        legible_text=wants_letters(prompt),
    )


def needs_of_request(request: GenerationRequest) -> Needs:
    """What an accepted request requires of another model: a picture like it, of whatever size that model draws."""
    return Needs(task=request.task, count=request.params.num_images, legible_text=wants_letters(request.prompt))


def wants_letters(prompt: str) -> bool:
    """Whether words are to be read in the picture, as far as the prompt shows."""
    return bool(_QUOTED.search(prompt) or _ANNOUNCED.search(prompt))


def _route(ask: Ask, routing: Routing, consent: Consent, any_seed: Callable[[], int]) -> Route:
    first, choice = routing.choices[0], _well(routing, consent)
    entry = choice.entry
    width, height = dimensions(ask.size, entry) or entry.dimensions[0]
    return Route(
        entry,
        GenerationParams(
            width=width,
            height=height,
            num_images=ask.count,
            seed=any_seed() if ask.seed is None else ask.seed,
            num_inference_steps=entry.num_inference_steps,
            guidance_scale=entry.guidance_scale,
        ),
        routing,
        instead_of="" if choice is first else first.entry.title,
    )


def _unasked(routing: Routing, default: ModelEntry, count: int, consent: Consent) -> Routing:
    """The choices that nobody who named no model need be asked about: the default, and what is as private and cheap."""
    price = default.price(count)
    kept = [c for c in routing.choices if c.entry.id == default.id or is_free(c, default, price, consent)]
    return replace(routing, choices=tuple(kept))


def _well(routing: Routing, consent: Consent) -> Choice:
    """The first choice, or, while that one is failing, the one that may stand in for it without a question."""
    first = routing.choices[0]
    if first.health is not Health.FAILING:
        return first
    way = failover(routing, first.entry, FailureKind.OUTAGE, frozenset(), consent)
    return way.choice if way is not None and way.free else first


def _unknown(asked: str, catalogue: Catalogue) -> Refusal:
    """Why the model is not to be had: nobody can serve it, it is known and not offered, or it is unknown."""
    offered = tuple(entry.id for entry in catalogue.offered)
    if entry := catalogue.known(asked):
        bar = Bar.NOT_OFFERED if entry.may_serve else Bar.LICENCE
        return CannotServe(
            entry.title, (bar,), detail=entry.bot_use_reason if bar is Bar.LICENCE else "", instead=offered
        )
    if absent := catalogue.absence(asked):
        instead = catalogue.find(absent.instead) if absent.instead else None
        return ModelAbsent(absent.title, absent.why, instead.title if instead else "")
    return UnknownModel(asked, offered)


def _why_not(ask: Ask, barred: Barred) -> Refusal:
    entry, bars = barred.entry, barred.bars
    if Bar.SIZE in bars:
        return BadSize(ask.size or "", entry.title, entry.sizes)
    if Bar.COUNT in bars:
        return BadCount(ask.count, entry.max_images)
    return CannotServe(entry.title, bars, detail=entry.successor if Bar.GONE in bars else "")
