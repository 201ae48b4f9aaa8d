"""Why a request was not accepted: values, not exceptions, one class a reason, each with the data its sentence needs.

Owns the closed union `Refusal` and `Accepted | Refused`, the result of submitting. Pure. The sentences themselves
live in `bot.wording`; nothing here is shown to a member as it stands.
"""

from dataclasses import dataclass

from generation.quota import QuotaStatus
from generation.request import GenerationRequest
from generation.routing import Bar


@dataclass(frozen=True, slots=True)
class EmptyPrompt:
    """Nothing was left after cleaning: the prompt was empty or held only invisible characters."""


@dataclass(frozen=True, slots=True)
class PromptTooLong:
    """The prompt has more than `limit` characters."""

    length: int
    limit: int


@dataclass(frozen=True, slots=True)
class UnknownModel:
    """No offered model has this name; `offered` lists those that are."""

    asked: str
    offered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelAbsent:
    """Everybody knows this model, and nobody can serve it; `instead` is the title of one that is offered, or empty."""

    title: str
    why: str
    instead: str = ""


@dataclass(frozen=True, slots=True)
class CannotServe:
    """The model is known and cannot serve this request here, for all of these reasons.

    `detail` is the licence's reason or the successor's name where that is what `bars` are about; `instead` lists what
    is offered, where the model is not.
    """

    title: str
    bars: tuple[Bar, ...]
    detail: str = ""
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadSize:
    """The size is not a size, or not one this model draws."""

    asked: str
    model: str
    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BadSeed:
    """The seed is outside 0 … `highest`."""

    asked: int
    highest: int


@dataclass(frozen=True, slots=True)
class BadCount:
    """Fewer than one picture or more than `most` were asked for at once."""

    asked: int
    most: int


@dataclass(frozen=True, slots=True)
class QuotaUsed:
    """The allowance does not cover `asked` pictures; `status` explains it."""

    asked: int
    status: QuotaStatus


@dataclass(frozen=True, slots=True)
class Sanctioned:
    """The member is timed out (`until`, ms) or banned (`until` None)."""

    until: int | None
    reason: str
    case: str


@dataclass(frozen=True, slots=True)
class PromptHeld:
    """A server rule holds prompts that mention `term`."""

    term: str
    case: str


@dataclass(frozen=True, slots=True)
class PromptRejected:
    """A server rule rejects prompts that mention `term`."""

    term: str
    case: str


@dataclass(frozen=True, slots=True)
class RulesUnreadable:
    """The server's rules cannot be read, so nothing can be said to pass them."""


@dataclass(frozen=True, slots=True)
class TooManyWaiting:
    """The member already has `waiting` requests under way, the most allowed at a time."""

    waiting: int


Refusal = (
    EmptyPrompt
    | PromptTooLong
    | UnknownModel
    | ModelAbsent
    | CannotServe
    | BadSize
    | BadSeed
    | BadCount
    | QuotaUsed
    | Sanctioned
    | PromptHeld
    | PromptRejected
    | RulesUnreadable
    | TooManyWaiting
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The request is stored and will be answered. `duplicate` means it had been accepted before, by the same id.

    `quota` is the member's allowance with this request held.
    """

    request: GenerationRequest
    quota: QuotaStatus
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The request was not accepted; nothing was charged."""

    refusal: Refusal
