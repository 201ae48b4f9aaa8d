"""The laws of combining verdicts, for any verdicts at all."""

from hypothesis import given
from hypothesis import strategies as st

from moderation.verdict import Action, Reason, Verdict

WORDS = st.sampled_from(["keyword", "safety_checker", "violence", ""])
REASONS = st.builds(
    Reason,
    action=st.sampled_from(Action),
    detector=WORDS,
    category=WORDS,
    detail=WORDS,
    score=st.none() | st.floats(0, 1),
)
VERDICTS = st.lists(REASONS, max_size=5).map(Verdict.of)


@given(VERDICTS, VERDICTS, VERDICTS)
def test_the_order_of_combining_does_not_matter(a: Verdict, b: Verdict, c: Verdict) -> None:
    assert a | b == b | a
    assert (a | b) | c == a | (b | c)


@given(VERDICTS)
def test_combining_with_itself_or_with_nothing_changes_nothing(a: Verdict) -> None:
    assert a | a == a
    assert a | Verdict() == a == Verdict() | a


@given(VERDICTS, VERDICTS)
def test_combining_never_lowers_and_loses_no_reason(a: Verdict, b: Verdict) -> None:
    both = a | b
    assert both.action == max(a.action, b.action)
    assert set(both.reasons) == {*a.reasons, *b.reasons}


@given(st.lists(REASONS, max_size=6))
def test_the_same_reasons_in_any_order_are_the_same_verdict(reasons: list[Reason]) -> None:
    verdict = Verdict.of(reasons)
    assert verdict == Verdict.of(reversed([*reasons, *reasons]))
    assert [reason.action for reason in verdict.reasons] == sorted(
        (reason.action for reason in verdict.reasons), reverse=True
    )


def test_without_a_reason_it_is_allowed() -> None:
    assert Verdict().action is Action.ALLOW


def test_the_order_of_severity() -> None:
    assert Action.ALLOW < Action.BLUR < Action.HOLD < Action.REJECT
