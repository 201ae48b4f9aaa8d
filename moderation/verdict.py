"""The algebra of verdicts: what was found, how severe it is, and how findings combine.

Owns `Action`, `Reason` and `Verdict`. Pure: it must not know detectors, policies, storage or platforms.

The law: `a | b` keeps every reason of both, so combining is associative, commutative and idempotent, and the
action of a combination is the severest of its parts. Combining can therefore never lower a verdict.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Action(enum.IntEnum):
    """What to do with a prompt or a picture; ordered, the severest wins."""

    ALLOW = 0
    BLUR = 1
    HOLD = 2
    REJECT = 3


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """One detector's stored reason for an action.

    `detector` names who says so (`keyword`, `safety_checker`, `openai`, `policy`), `category` what was found
    (OpenAI's category names for classifiers, the rule's id for a server rule) and `detail` is a short plain
    sentence for a moderator; it never holds anybody's prompt.
    """

    action: Action
    detector: str
    category: str
    detail: str = ""
    score: float | None = None

    def _key(self) -> tuple[int, str, str, str, float]:
        return (self.action, self.detector, self.category, self.detail, -1.0 if self.score is None else self.score)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A set of reasons; its action is the severest of them, and `ALLOW` when there is none."""

    reasons: tuple[Reason, ...] = ()

    @staticmethod
    def of(reasons: Iterable[Reason]) -> "Verdict":
        """Build a verdict in canonical form: no reason twice, severest first."""
        return Verdict(tuple(sorted(set(reasons), key=Reason._key, reverse=True)))  # noqa: SLF001 - same module

    @property
    def action(self) -> Action:
        """The severest action among the reasons."""
        return max((reason.action for reason in self.reasons), default=Action.ALLOW)

    def __or__(self, other: "Verdict") -> "Verdict":
        """Combine two verdicts: every reason of both."""
        return Verdict.of((*self.reasons, *other.reasons))
