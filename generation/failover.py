"""Where a request goes on when the model it was with fails, and whether its member must be asked first.

Owns the rule. Pure. It must not know how a request moves: it is given a routing and says which of its choices is next.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from generation.catalogue import ModelEntry
from generation.result import FailureKind
from generation.routing import Choice, Health, Routing


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a server allows without asking its members again: that others see a prompt, that a picture costs more."""

    others_may_see: bool = False
    dearer: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """Where a failed request may go on; unless it is `free` to, its member is asked first."""

    choice: Choice
    free: bool


FAILS_OVER: AbstractSet[FailureKind] = frozenset(
    {
        FailureKind.OUTAGE,
        FailureKind.RATE_LIMITED,
        FailureKind.ACCOUNT,
        FailureKind.MODEL_MISSING,
    }
)
"""What is the model's trouble and not the request's. A refusal is never among them, nor what may have been paid for."""


def failover(
    routing: Routing, failed: ModelEntry, kind: FailureKind, tried: AbstractSet[str], consent: Consent
) -> Next | None:
    """Where to go on after `failed`: the best choice that needs no question, else the best that needs one, else None.

    Free is what nobody new gets to see and what costs no more; an unknown price counts as dearer.
    """
    if kind not in FAILS_OVER:
        return None
    left = [choice for choice in routing.choices if choice.entry.id not in tried and choice.entry.id != failed.id]
    before = next((choice.quote.price for choice in routing.choices if choice.entry.id == failed.id), None)
    ways = [
        Next(choice, is_free(choice, failed, before, consent)) for choice in left if choice.health is not Health.FAILING
    ]
    return next((way for way in ways if way.free), ways[0] if ways else None)


def is_free(choice: Choice, instead_of: ModelEntry, before: int | None, consent: Consent) -> bool:
    """Whether this choice may stand in without a question for one whose price would be `before`."""
    entry, price = choice.entry, choice.quote.price
    seen_by_no_other = entry.stays_here or entry.prompt_goes_to == instead_of.prompt_goes_to
    no_dearer = price == 0 or (price is not None and before is not None and price <= before)
    return (seen_by_no_other or consent.others_may_see) and (no_dearer or consent.dearer)
