"""The nouns of an answer: what a worker made or why it did not, and what is told while it works.

Owns `Outcome` and its parts and `ProgressEvent`. Pure: it must not know SQLite, Redis, models' code or a chat SDK.
Times are milliseconds since the epoch, money is in millionths of a US dollar.
"""

import enum
from dataclasses import dataclass

from moderation.verdict import Action, Verdict


class FailureKind(enum.StrEnum):
    """Why no picture came; each kind has its own sentence in `bot.wording` and its own rule below."""

    OWNER_REFUSED = "owner_refused"  # the model's owner declined the prompt
    OUTAGE = "outage"  # the provider or the backend does not answer
    RATE_LIMITED = "rate_limited"  # the provider asks for patience
    ACCOUNT = "account"  # the community's account at the provider: no credit, not verified, bad key
    BAD_REPLY = "bad_reply"  # truncated, oversized or not a picture
    UNSUPPORTED = "unsupported"  # this model cannot do what was asked
    MODEL_MISSING = "model_missing"  # weights or key are not where the worker looks
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_LOST = "worker_lost"  # the job took its worker down more than once
    TIMEOUT = "timeout"  # it took too long; a closed model may have been paid for
    UNSERVED = "unserved"  # no worker took it in time
    INTERNAL = "internal"  # a bug of ours; the log has it

    @property
    def retryable(self) -> bool:
        """Whether the front may try the same model again by itself."""
        return self in {FailureKind.OUTAGE, FailureKind.RATE_LIMITED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why no picture came. `detail` is for operators: never a traceback, a token or a prompt."""

    kind: FailureKind
    detail: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducedImage:
    """One stored picture: `key` in the artifact store, `sha256` of exactly those bytes, and the verdict on them."""

    key: str
    sha256: str
    media_type: str
    width: int
    height: int
    size: int
    seed: int | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBy:
    """What made the pictures, enough to explain and to replay them. `cost` is in millionths of a US dollar."""

    model: str
    title: str
    backend: str
    revision: str | None = None
    device: str | None = None
    dtype: str | None = None
    scheduler: str | None = None
    versions: tuple[tuple[str, str], ...] = ()
    provider_request_id: str | None = None
    cost: int | None = None
    usage: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """One thing that happened to a request: `submitted`, `queued`, `started`, `step`, `checked`, `stored`, …"""

    name: str
    at: int
    detail: str = ""


class OutcomeKind(enum.StrEnum):
    """How a job ended in the worker."""

    PRODUCED = "produced"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one attempt came to; written to the artifact store before it is announced, so that it outlives Redis."""

    request_id: str
    attempt: int
    kind: OutcomeKind
    worker: str
    finished_at: int
    images: tuple[ProducedImage, ...] = ()
    failure: Failure | None = None
    made_by: MadeBy | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    timeline: tuple[TimelineEvent, ...] = ()

    @property
    def action(self) -> Action:
        """The severest action on any of the pictures; a produced outcome without pictures cannot pass."""
        return max((image.verdict.action for image in self.images), default=Action.HOLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """A passing word from the worker; may be lost, so nothing may depend on it.

    `stage` is `started`, `loading`, `drawing`, `checking` or `storing`; `done` of `total` counts steps.
    """

    request_id: str
    attempt: int
    stage: str
    at: int
    done: int = 0
    total: int = 0

    @property
    def percent(self) -> int:
        """How far the drawing is, 0 to 100."""
        return 100 * self.done // self.total if self.total else 0
