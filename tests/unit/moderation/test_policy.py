"""What findings on a picture lead to, and that nonsense leads nowhere."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.classifiers.base import Finding
from moderation.policy import CATEGORIES, IMAGE_THRESHOLDS, NonsenseError, judge_picture
from moderation.verdict import Action

_scores = st.floats(min_value=0, max_value=1, allow_nan=False)
_findings = st.lists(st.builds(Finding, st.sampled_from(sorted(CATEGORIES)), _scores, st.booleans()), min_size=1)
_detectors = st.sampled_from(["openai", "safety_checker", "another"])


@given(_detectors, _findings)
def test_a_flag_or_a_score_over_its_line_rejects_and_nothing_else_does(detector: str, findings: list[Finding]) -> None:
    lines = IMAGE_THRESHOLDS.get(detector, {})
    wrong = {f.category for f in findings if f.flagged or f.score >= lines.get(f.category, 2.0)}

    verdict = judge_picture(detector, findings)

    assert verdict.action is (Action.REJECT if wrong else Action.ALLOW)
    assert {reason.category for reason in verdict.reasons} >= wrong
    assert verdict.reasons
    assert {reason.detector for reason in verdict.reasons} == {detector}


@given(_detectors, _findings, _findings)
def test_more_findings_never_lower_a_verdict(detector: str, some: list[Finding], more: list[Finding]) -> None:
    assert judge_picture(detector, some + more).action >= judge_picture(detector, some).action


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.01, 1.01, True, None, "0.1"])
def test_a_score_that_is_none_is_nonsense(score: object) -> None:
    with pytest.raises(NonsenseError):
        judge_picture("openai", [Finding("sexual", score, False)])  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    "findings",
    [
        [],
        [Finding("cheese", 0.1, False)],
        [Finding("sexual", 0.1, None)],  # type: ignore[arg-type]  # the point of the test
        [Finding("violence", 0.1, False), Finding("sexual", math.nan, False)],
    ],
)
def test_missing_and_unknown_answers_are_nonsense(findings: list[Finding]) -> None:
    with pytest.raises(NonsenseError):
        judge_picture("openai", findings)


def test_scores_at_the_line_reject() -> None:
    line = IMAGE_THRESHOLDS["openai"]["sexual"]

    assert judge_picture("openai", [Finding("sexual", line, False)]).action is Action.REJECT
    assert judge_picture("openai", [Finding("sexual", line - 0.001, False)]).action is Action.ALLOW


def test_thresholds_name_only_known_categories() -> None:
    assert {category for lines in IMAGE_THRESHOLDS.values() for category in lines} <= CATEGORIES
