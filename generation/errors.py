"""What a backend raises when it cannot make the picture.

Owns the tree below; each leaf becomes one `FailureKind`, so each has its own sentence, refund and retry rule.

    GenerationError
    ├── ContentRefused          the model's owner declined the prompt: no retry, no other model
    ├── BackendUnavailable      no answer, a time-out or a 5xx; carries retry_after_s where the provider said it
    │   ├── RateLimited         the provider asks for patience
    │   └── TimedOut            no answer in time: it may have been made and charged, so no retry by ourselves
    ├── AccountProblem          no credit, billing limit, unverified organisation, bad key: for the operator
    ├── BadReply                truncated, oversized or not a picture
    ├── UnsupportedRequest      this model cannot do what was asked
    ├── ModelMissing            weights or key are not where the worker looks
    └── OutOfMemory             the device's memory did not suffice

`GenerationCancelled` is no error: it is how a backend leaves when the member cancelled or the worker drains.
Messages are for operators and logs. They hold no prompt, no token and no traceback.
"""

from generation.result import Failure, FailureKind


class GenerationError(Exception):
    """Base of everything a backend may raise on purpose; use a subclass."""

    kind: FailureKind = FailureKind.INTERNAL

    def __init__(self, detail: str = "", *, retry_after_s: float | None = None) -> None:
        """Keep a short sentence for operators and, where known, how many seconds to wait before a retry."""
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s

    def failure(self) -> Failure:
        """The value that travels to the front."""
        return Failure(kind=self.kind, detail=self.detail, retry_after_s=self.retry_after_s)


class ContentRefused(GenerationError):
    """The model's owner declined the prompt."""

    kind = FailureKind.OWNER_REFUSED


class BackendUnavailable(GenerationError):
    """No answer, a time-out or a 5xx."""

    kind = FailureKind.OUTAGE


class RateLimited(BackendUnavailable):
    """The provider asks for patience."""

    kind = FailureKind.RATE_LIMITED


class TimedOut(BackendUnavailable):
    """No answer in time; the picture may have been made and charged all the same."""

    kind = FailureKind.TIMEOUT


class AccountProblem(GenerationError):
    """The community's account at the provider has a problem only the operator can solve."""

    kind = FailureKind.ACCOUNT


class BadReply(GenerationError):
    """What came back is truncated, oversized or not a picture."""

    kind = FailureKind.BAD_REPLY


class UnsupportedRequest(GenerationError):
    """This model cannot do what was asked."""

    kind = FailureKind.UNSUPPORTED


class ModelMissing(GenerationError):
    """Weights or key are not where the worker looks."""

    kind = FailureKind.MODEL_MISSING


class OutOfMemory(GenerationError):
    """The device's memory did not suffice."""

    kind = FailureKind.OUT_OF_MEMORY


class GenerationCancelled(Exception):
    """The member cancelled, or the worker is draining; raised between steps."""
