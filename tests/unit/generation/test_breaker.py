"""The breaker: repeated trouble opens it, one request tries it, and one bad request is no trouble."""

from hypothesis import given
from hypothesis import strategies as st

from generation.breaker import Breaker, BreakerRule
from generation.result import FailureKind
from generation.routing import Health

RULE = BreakerRule(failures=3, first_rest_s=10, longest_rest_s=60, account_rest_s=1800)


def after(*kinds: FailureKind, now: int = 0) -> Breaker:
    breaker = Breaker()
    for kind in kinds:
        breaker = breaker.failed(kind, now, RULE)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_and_not_before() -> None:
    two = after(FailureKind.OUTAGE, FailureKind.TIMEOUT)

    assert two.health(0) is Health.WELL
    assert two.failed(FailureKind.BAD_REPLY, 0, RULE).health(0) is Health.FAILING
    assert two.worked().failed(FailureKind.OUTAGE, 0, RULE).health(0) is Health.WELL


def test_when_it_has_rested_one_request_tries_it() -> None:
    rested = after(*[FailureKind.OUTAGE] * 3)

    assert rested.health(9_999) is Health.FAILING
    assert rested.health(10_000) is Health.ON_TRIAL
    assert rested.sent(9_999, RULE) == rested
    tried = rested.sent(10_000, RULE)
    assert tried.health(10_000) is Health.FAILING
    assert tried.worked().health(10_000) is Health.WELL
    again = tried.failed(FailureKind.OUTAGE, 10_000, RULE)
    assert again.health(29_999) is Health.FAILING
    assert again.health(30_000) is Health.ON_TRIAL


def test_a_trial_that_is_never_heard_of_again_keeps_others_away_for_a_while_only() -> None:
    tried = after(*[FailureKind.OUTAGE] * 3).sent(10_000, RULE)

    assert tried.health(10_000 + 119_999) is Health.FAILING
    assert tried.health(10_000 + 120_000) is Health.ON_TRIAL


def test_a_bug_of_ours_says_nothing_of_the_model() -> None:
    two = after(FailureKind.OUTAGE, FailureKind.OUTAGE)

    assert two.failed(FailureKind.INTERNAL, 0, RULE) == two


def test_an_accounts_problem_opens_it_at_once_and_for_long() -> None:
    broke = after(FailureKind.ACCOUNT)

    assert broke.health(1_799_999) is Health.FAILING
    assert broke.health(1_800_000) is Health.ON_TRIAL


def test_a_refusal_shows_that_somebody_is_there() -> None:
    assert after(FailureKind.OUTAGE, FailureKind.OUTAGE, FailureKind.OWNER_REFUSED) == Breaker()


def test_a_providers_wish_is_heeded() -> None:
    limited = after(FailureKind.RATE_LIMITED, FailureKind.RATE_LIMITED).failed(FailureKind.RATE_LIMITED, 0, RULE, 90.0)

    assert limited.health(89_999) is Health.FAILING


@given(st.lists(st.tuples(st.sampled_from(FailureKind), st.integers(0, 100_000)), max_size=30))
def test_it_rests_for_ever_never(events: list[tuple[FailureKind, int]]) -> None:
    breaker, now = Breaker(), 0
    for kind, pause in events:
        now += pause
        breaker = breaker.failed(kind, now, RULE)

    assert breaker.health(now + 1_800_000) is not Health.FAILING
