"""The fail-closed rule: whatever a detector does, a picture passes only when somebody looked and found nothing.

The detectors here are made up: no real one can be made to answer each kind of nonsense on demand.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.classifiers.base import CheckError, Finding
from moderation.images import check_pictures
from moderation.verdict import Action, Verdict

CLEAN = Finding("sexual", 0.01, False)
BAD = Finding("sexual", 0.99, True)
CLOSED = "It draws stripes and cannot depict anything."


@dataclass
class Detector:
    """Answers whatever `answer` says."""

    answer: Callable[[Sequence[bytes]], Any]
    name: str = "made-up"

    async def check(self, images: Sequence[bytes]) -> Any:
        answer = self.answer(images)
        return await answer if asyncio.iscoroutine(answer) else answer

    async def aclose(self) -> None:
        """Hold nothing."""


def _raise(error: BaseException) -> Callable[[Sequence[bytes]], Any]:
    def answer(images: Sequence[bytes]) -> Any:
        raise error

    return answer


async def _never(images: Sequence[bytes]) -> Any:
    await asyncio.Event().wait()


BROKEN: dict[str, Callable[[Sequence[bytes]], Any]] = {
    "check error": _raise(CheckError("its weights could not be loaded")),
    "any error": _raise(ZeroDivisionError("zorblax")),
    "time-out of its own": _raise(TimeoutError()),
    "never answers": _never,
    "nothing": lambda _: None,
    "no findings": lambda images: [[] for _ in images],
    "too few": lambda images: [[CLEAN]] * (len(images) - 1),
    "too many": lambda images: [[CLEAN]] * (len(images) + 1),
    "not a number": lambda images: [[Finding("sexual", math.nan, False)] for _ in images],
    "no score": lambda images: [[Finding("sexual", None, False)] for _ in images],  # type: ignore[arg-type]  # the point
    "unknown category": lambda images: [[Finding("cheese", 0.0, False)] for _ in images],
    "not findings": lambda images: ["zorblax" for _ in images],
    "bare numbers": lambda images: [3 for _ in images],
}


async def _check(checks: Sequence[Detector], count: int = 2, closed: str = "") -> tuple[Verdict, ...]:
    return await check_pictures(checks, [b"%d" % n for n in range(count)], closed, limit_s=0.05)


@pytest.mark.parametrize("how", BROKEN)
async def test_a_broken_detector_holds_every_picture_and_says_which(how: str) -> None:
    verdicts = await _check([Detector(BROKEN[how])])

    assert [verdict.action for verdict in verdicts] == [Action.HOLD, Action.HOLD]
    assert all(reason.detector == "made-up" and reason.detail for v in verdicts for reason in v.reasons)


@pytest.mark.parametrize("how", BROKEN)
async def test_neither_another_detector_nor_a_closed_vocabulary_makes_up_for_a_broken_one(how: str) -> None:
    clean = Detector(lambda images: [[CLEAN] for _ in images], name="clean")

    verdicts = await _check([clean, Detector(BROKEN[how])], closed=CLOSED)

    assert [verdict.action for verdict in verdicts] == [Action.HOLD, Action.HOLD]


async def test_without_any_check_pictures_are_held() -> None:
    (verdict,) = await _check([], count=1)

    assert verdict.action is Action.HOLD
    assert [reason.detail for reason in verdict.reasons] == ["No image check is set up."]


async def test_a_closed_vocabulary_passes_with_its_sentence_as_the_reason() -> None:
    (verdict,) = await _check([], count=1, closed=CLOSED)

    assert verdict.action is Action.ALLOW
    assert [(reason.detector, reason.detail) for reason in verdict.reasons] == [("catalogue", CLOSED)]


async def test_a_configured_check_can_still_reject_what_a_closed_vocabulary_allows() -> None:
    (verdict,) = await _check([Detector(lambda _: [[BAD]])], count=1, closed=CLOSED)

    assert verdict.action is Action.REJECT


async def test_each_picture_gets_its_own_verdict() -> None:
    verdicts = await _check([Detector(lambda _: [[CLEAN], [BAD], [Finding("sexual", 7.0, False)]])], count=3)

    assert [verdict.action for verdict in verdicts] == [Action.ALLOW, Action.REJECT, Action.HOLD]
    assert [reason.detector for reason in verdicts[0].reasons] == ["made-up"]


async def test_what_a_detector_says_when_it_breaks_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        (verdict,) = await _check([Detector(_raise(RuntimeError("zorblax sk-secret")))], count=1)

    assert "zorblax" not in caplog.text + repr(verdict)
    assert "RuntimeError" in caplog.text


_answers = st.sampled_from([*BROKEN, "clean", "bad"])


@given(st.lists(_answers, max_size=4), st.integers(1, 3), st.booleans())
def test_passing_needs_a_detector_that_looked_or_a_closed_vocabulary_and_no_doubt(
    hows: list[str],
    count: int,
    closed: bool,  # noqa: FBT001 - hypothesis passes by position
) -> None:
    known = {"clean": lambda images: [[CLEAN] for _ in images], "bad": lambda images: [[BAD] for _ in images], **BROKEN}
    checks = [Detector(known[how], name=how) for how in hows]

    verdicts = asyncio.run(check_pictures(checks, [b"x"] * count, CLOSED if closed else "", limit_s=0.01))

    assert len(verdicts) == count
    sure = all(how == "clean" for how in hows) and (closed or bool(hows))
    for verdict in verdicts:
        assert (verdict.action is Action.ALLOW) is sure
        assert verdict.reasons
        assert (Action.REJECT in {reason.action for reason in verdict.reasons}) is ("bad" in hows)
