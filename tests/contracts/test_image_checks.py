"""What every detector keeps: `moderation.classifiers.base.ImageCheck`, over both real ones."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from moderation.classifiers.base import CheckError, ImageCheck
from moderation.classifiers.openai import OpenAIModeration
from moderation.classifiers.safety_checker import SafetyChecker
from moderation.images import check_pictures
from moderation.policy import judge_picture
from moderation.verdict import Action
from tests import tiny
from tests.contracts.pictures import picture
from tests.peers.openai.peer import OpenAIPeer


@dataclass
class Case:
    """A detector that finds nothing, one that finds something, and one that cannot look."""

    clean: Callable[[], ImageCheck]
    finding: Callable[[], ImageCheck]
    failing: Callable[[], ImageCheck]


@pytest.fixture(scope="session")
def checkers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny safety checkers with forced outcomes."""
    folder = tmp_path_factory.mktemp("checkers")
    return {
        "clean": tiny.safety_checker(folder / "clean", threshold=1.0),
        "finding": tiny.safety_checker(folder / "finding", threshold=-1.0),
        "broken": tiny.safety_checker(folder / "broken", threshold=1.0, broken=True),
    }


@pytest.fixture(params=["safety_checker", "openai"])
async def case(request: pytest.FixtureRequest, checkers: dict[str, Path]) -> AsyncIterator[Case]:
    if request.param == "safety_checker":
        yield Case(
            clean=lambda: SafetyChecker(str(checkers["clean"])),
            finding=lambda: SafetyChecker(str(checkers["finding"])),
            failing=lambda: SafetyChecker(str(checkers["broken"])),
        )
        return
    async with OpenAIPeer() as peer:

        def finding() -> ImageCheck:
            peer.scores["violence/graphic"] = 0.97
            return OpenAIModeration(api_key=peer.key, base_url=peer.base_url)

        yield Case(
            clean=lambda: OpenAIModeration(api_key=peer.key, base_url=peer.base_url),
            finding=finding,
            failing=lambda: OpenAIModeration(api_key="sk-wrong", base_url=peer.base_url),
        )


async def test_each_picture_gets_findings_that_the_policy_understands(case: Case) -> None:
    check = case.clean()
    pictures = [picture("PNG"), picture("JPEG"), picture("WEBP", colour=9)]

    findings = await check.check(pictures)
    await check.aclose()

    assert len(findings) == len(pictures)
    assert [judge_picture(check.name, found).action for found in findings] == [Action.ALLOW] * 3


async def test_what_is_found_rejects_and_names_the_detector(case: Case) -> None:
    check = case.finding()

    (verdict,) = await check_pictures([check], [picture()])
    await check.aclose()

    assert verdict.action is Action.REJECT
    assert {reason.detector for reason in verdict.reasons} == {check.name}


async def test_a_detector_that_cannot_look_says_so_and_the_picture_is_held(case: Case) -> None:
    check = case.failing()

    with pytest.raises(CheckError):
        await check.check([picture()])
    (verdict,) = await check_pictures([check], [picture()])
    await check.aclose()

    assert verdict.action is Action.HOLD


async def test_something_that_is_no_picture_is_an_error(case: Case) -> None:
    check = case.clean()

    with pytest.raises(CheckError):
        await check.check([b"zorblax"])
    await check.aclose()


async def test_no_pictures_no_findings(case: Case) -> None:
    check = case.clean()

    assert list(await check.check([])) == []
    await check.aclose()
