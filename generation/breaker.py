"""The circuit breaker of one model's backend: after repeated outages it rests, and then one request tries it.

Owns the states and their rule (Nygard, “Release It!”, 2007, ch. 5), as a value: each event gives a new one. Pure; the
time comes from outside. It must not know which requests there are.
"""

from dataclasses import dataclass, replace

from generation.result import FailureKind
from generation.routing import Health

# Trouble that the next request would meet too. What is wrong with one request alone does not count.
_TROUBLE = frozenset(
    {
        FailureKind.OUTAGE,
        FailureKind.RATE_LIMITED,
        FailureKind.TIMEOUT,
        FailureKind.BAD_REPLY,
        FailureKind.MODEL_MISSING,
    }
)
_OPENS_AT_ONCE = frozenset({FailureKind.ACCOUNT})
# What only somebody who is there can say.
_ANSWERS = frozenset({FailureKind.OWNER_REFUSED, FailureKind.UNSUPPORTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRule:
    """After how many failures in a row it opens, for how many seconds at first and at most, and for an account's.

    `trial_s` is how long the one request on trial keeps others away: it may be cancelled and never be heard of again.
    """

    failures: int = 3
    first_rest_s: float = 15.0
    longest_rest_s: float = 600.0
    account_rest_s: float = 1800.0
    trial_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Closed while `opened_until` is None. `rests` counts the openings since it last worked; times are ms.

    While `tried_until` is not over, a request is on its way to see whether it is back.
    """

    in_a_row: int = 0
    rests: int = 0
    opened_until: int | None = None
    tried_until: int = 0

    def health(self, now: int) -> Health:
        """Whether to send requests there: well, on trial (one may try), or failing."""
        if self.opened_until is None:
            return Health.WELL
        return Health.ON_TRIAL if now >= max(self.opened_until, self.tried_until) else Health.FAILING

    def sent(self, now: int, rule: BreakerRule) -> "Breaker":
        """A request went there. If it is the one that tries it, others stay away until it is back, or for a while."""
        if self.health(now) is not Health.ON_TRIAL:
            return self
        return replace(self, tried_until=now + round(rule.trial_s * 1000))

    def worked(self) -> "Breaker":
        """A request was served; a refusal, too, shows that somebody is there."""
        return Breaker()

    def failed(self, kind: FailureKind, now: int, rule: BreakerRule, wish_s: float | None = None) -> "Breaker":
        """A request failed; `wish_s` is how long the provider asked to be left alone."""
        if kind in _OPENS_AT_ONCE:
            return self._rest(rule.account_rest_s, now)
        if kind in _ANSWERS:
            return self.worked()
        if kind not in _TROUBLE:
            return self
        if self.opened_until is None and self.in_a_row + 1 < rule.failures:
            return replace(self, in_a_row=self.in_a_row + 1)
        rest_s = min(rule.first_rest_s * 2.0**self.rests, rule.longest_rest_s)
        return self._rest(max(rest_s, wish_s or 0.0), now)

    def _rest(self, seconds: float, now: int) -> "Breaker":
        until = now + round(seconds * 1000)
        # A request that was on its way when it opened must not shorten the rest.
        return Breaker(
            in_a_row=self.in_a_row + 1, rests=self.rests + 1, opened_until=max(until, self.opened_until or until)
        )
