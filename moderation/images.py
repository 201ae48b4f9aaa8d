"""May these pictures be shown: every configured detector looks, and whatever cannot look holds the picture.

Owns `check_pictures`, the fail-closed rule. It must not know how a detector works, where pictures are stored or who
asked for them.

The rule: a picture passes only with at least one stored reason to pass, from a detector that looked at these very
bytes or from the catalogue's word that the model cannot depict anything. Everything else that can happen (no detector,
an error, a time-out, nonsense) is a reason to hold. Combining verdicts never lowers them.
"""

import asyncio
import logging
from collections.abc import Sequence

from moderation.classifiers.base import CheckError, Finding, ImageCheck
from moderation.policy import NonsenseError, judge_picture
from moderation.verdict import Action, Reason, Verdict

_log = logging.getLogger(__name__)


async def check_pictures(
    checks: Sequence[ImageCheck], images: Sequence[bytes], closed_vocabulary: str = "", *, limit_s: float = 30.0
) -> tuple[Verdict, ...]:
    """One verdict for each encoded picture, in order; never raises for a detector's failure.

    `closed_vocabulary` is the catalogue's sentence on why the model cannot depict anything, or empty. `limit_s` bounds
    each detector's time in seconds.
    """
    verdicts = [_standing(checks, closed_vocabulary)] * len(images)
    for found in await asyncio.gather(*(_look(check, images, limit_s) for check in checks)):
        verdicts = [verdict | more for verdict, more in zip(verdicts, found, strict=True)]
    return tuple(verdicts)


def _standing(checks: Sequence[ImageCheck], closed_vocabulary: str) -> Verdict:
    """What is known before anybody looks; empty, which does not pass, when the detectors are yet to say."""
    if closed_vocabulary:
        return Verdict.of([Reason(Action.ALLOW, "catalogue", "closed_vocabulary", closed_vocabulary)])
    if not checks:
        return Verdict.of([Reason(Action.HOLD, "policy", "unchecked", "No image check is set up.")])
    return Verdict()


async def _look(check: ImageCheck, images: Sequence[bytes], limit_s: float) -> list[Verdict]:
    """One detector's verdicts; whatever goes wrong with one picture's answer holds that picture, else all of them."""
    try:
        async with asyncio.timeout(limit_s):
            findings = list(await check.check(images))
    except TimeoutError:
        return _held(check, len(images), "did not answer in time")
    except CheckError as error:
        return _held(check, len(images), f"could not look: {error}")
    except Exception as error:  # noqa: BLE001 - a detector is a plug-in: whatever it does must hold, not pass or crash
        return _held(check, len(images), f"failed ({type(error).__name__})")
    if len(findings) != len(images):
        return _held(check, len(images), "answered for another number of pictures")
    return [_judge(check, found) for found in findings]


def _judge(check: ImageCheck, findings: Sequence[Finding]) -> Verdict:
    try:
        return judge_picture(check.name, findings)
    except (NonsenseError, TypeError, AttributeError) as error:
        return _held(check, 1, f"answered nonsense: {error}")[0]


def _held(check: ImageCheck, count: int, why: str) -> list[Verdict]:
    _log.warning("image check failed detector=%s why=%s pictures=%d", check.name, why, count)
    return [Verdict.of([Reason(Action.HOLD, check.name, "error", f"{check.name} {why}.")])] * count
