"""What findings lead to: the image half of the policy.

Owns the thresholds and `judge_picture`. Pure: it must not know detectors' code, storage or platforms. A detector
detects, this decides; nonsense from a detector is never a pass.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from moderation.classifiers.base import Finding
from moderation.verdict import Action, Reason, Verdict

CATEGORIES = frozenset(
    {
        "harassment",
        "harassment/threatening",
        "hate",
        "hate/threatening",
        "illicit",
        "illicit/violent",
        "self-harm",
        "self-harm/instructions",
        "self-harm/intent",
        "sexual",
        "sexual/minors",
        "violence",
        "violence/graphic",
    }
)
"""OpenAI's category names (openai-python, types/moderation.py); every detector uses them."""

IMAGE_THRESHOLDS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        # Probabilities. Sexual content starts below OpenAI's own line, as Stablecog's 0.3 does (facts/peers.md §2.6).
        "openai": MappingProxyType(
            {
                "sexual": 0.3,
                "sexual/minors": 0.1,
                "violence/graphic": 0.7,
                "violence": 0.9,
                "self-harm": 0.5,
                "self-harm/intent": 0.5,
                "self-harm/instructions": 0.5,
            }
        ),
        # No probability but a distance from its own line, which lies at 0.5 (see its module).
        "safety_checker": MappingProxyType({"sexual": 0.5}),
    }
)
"""From which score on a category rejects, by detector; where none is given the detector's own flag decides."""


class NonsenseError(ValueError):
    """A detector's answer is no answer: nothing, a score outside 0..1, not a number, or an unknown category."""


def judge_picture(
    detector: str, findings: Sequence[Finding], thresholds: Mapping[str, Mapping[str, float]] = IMAGE_THRESHOLDS
) -> Verdict:
    """The verdict of one detector's findings on one picture.

    Flagged, or a score at its threshold or above, rejects with one reason a category; otherwise the verdict is one
    reason to allow, which names the detector that looked and the highest score it saw. Raises `NonsenseError`.
    """
    if not findings:
        raise NonsenseError("no findings at all")
    for finding in findings:
        _check(finding)
    lines = thresholds.get(detector, {})
    against = [f for f in findings if f.flagged or f.score >= lines.get(f.category, math.inf)]
    if against:
        return Verdict.of(
            Reason(Action.REJECT, detector, f.category, f"{detector} found {f.category}.", f.score) for f in against
        )
    highest = max(findings, key=lambda finding: finding.score)
    return Verdict.of([Reason(Action.ALLOW, detector, highest.category, f"{detector} found nothing.", highest.score)])


def _check(finding: Finding) -> None:
    if finding.category not in CATEGORIES:
        raise NonsenseError("an unknown category")
    score = finding.score
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0.0 <= score <= 1.0:
        raise NonsenseError("a score outside 0..1")
    if not isinstance(finding.flagged, bool):
        raise NonsenseError("a flag that is neither yes nor no")
