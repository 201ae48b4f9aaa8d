"""What an allowance is and how a member's effective one is explained.

Owns `Unit`, `Allowance`, `QuotaStatus` and the rule by which several allowances become one. Pure: the rows are
`generation.ledger`'s, the sentences `bot.wording`'s.

The rule: a member's own allowance beats every role's; of several roles the largest wins; otherwise the server's
default; otherwise the installation's.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Unit(enum.StrEnum):
    """What is counted. GPU seconds and money join when the ledger learns to hold them."""

    IMAGES = "images"


class Scope(enum.StrEnum):
    """Whom an allowance is for, most specific last."""

    INSTALLATION = "installation"
    SERVER = "server"
    ROLE = "role"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Allowance:
    """`amount` of a unit a day for one scope; `subject` is the role's or member's id, empty for wider scopes."""

    scope: Scope
    subject: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaStatus:
    """A member's allowance right now, in pictures. `resets_at` is in ms; `source` is where the daily figure comes from.

    `granted` is what is left of a moderator's grants; grants are used after the day's allowance and do not reset.
    """

    daily: int
    used: int
    held: int
    granted: int
    resets_at: int
    source: Allowance

    @property
    def left_today(self) -> int:
        """Pictures left of the day's own allowance; never negative, even after it was lowered."""
        return max(0, self.daily - self.used - self.held)

    @property
    def left(self) -> int:
        """Pictures the member can ask for now, grants included."""
        return self.left_today + self.granted


def effective(allowances: Iterable[Allowance], installation_default: int) -> Allowance:
    """The one allowance that counts among all that apply to a member."""
    candidates = [*allowances, Allowance(Scope.INSTALLATION, "", installation_default)]
    order = list(Scope)
    return max(candidates, key=lambda allowance: (order.index(allowance.scope), allowance.amount))
