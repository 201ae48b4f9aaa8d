"""The two detectors by themselves: what they measure, send, refuse and survive."""

import json
import logging
import math
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from moderation.classifiers import safety_checker
from moderation.classifiers.base import CheckError
from moderation.classifiers.openai import IMAGE_CATEGORIES, MODEL, OpenAIModeration, read_answer
from moderation.classifiers.safety_checker import SafetyChecker
from tests import tiny
from tests.contracts.pictures import picture
from tests.peers.openai import answers
from tests.peers.openai.peer import OpenAIPeer


@pytest.fixture
async def peer() -> AsyncIterator[OpenAIPeer]:
    async with OpenAIPeer() as peer:
        yield peer


def _moderation(peer: OpenAIPeer, **more: Any) -> OpenAIModeration:
    return OpenAIModeration(api_key=peer.key, base_url=peer.base_url, **{"retries": 0, **more})


# The safety checker.


@pytest.mark.parametrize("threshold", [-1.0, -0.2, 0.0, 0.2, 1.0])
async def test_flag_and_score_are_the_modules_own_reckoning(tmp_path: Path, threshold: float) -> None:
    """The line lies at 0.5 whatever the thresholds are, and the module's answer is the flag."""
    check = SafetyChecker(str(tiny.safety_checker(tmp_path / "checker", threshold=threshold)))

    findings = [found for (found,) in await check.check([picture(colour=n) for n in range(3)])]
    await check.aclose()

    assert {finding.category for finding in findings} == {"sexual"}
    # The module rounds its margins to three digits; half of that is the width of the seam.
    assert all(finding.flagged is (finding.score > 0.50025) for finding in findings)


async def test_it_sees_different_pictures_differently(tmp_path: Path) -> None:
    check = SafetyChecker(str(tiny.safety_checker(tmp_path / "checker", threshold=0.0)))

    ((one,), (other,)) = await check.check([picture(), tiny_noise()])
    await check.aclose()

    assert one.score != other.score


def tiny_noise() -> bytes:
    """A picture unlike a gradient."""
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


async def test_measuring_something_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    check = SafetyChecker(str(tiny.safety_checker(tmp_path / "checker", threshold=1.0, broken=True)))

    with pytest.raises(CheckError, match="no number"):
        await check.check([picture()])
    await check.aclose()


async def test_missing_weights_are_an_error_and_loading_is_tried_again_after_a_while(tmp_path: Path) -> None:
    now = 0.0
    check = SafetyChecker(str(tmp_path / "checker"), retry_s=60, clock=lambda: now)
    with pytest.raises(CheckError, match="could not be loaded"):
        await check.check([picture()])
    tiny.safety_checker(tmp_path / "checker", threshold=1.0)

    now = 59.0
    with pytest.raises(CheckError, match="could not be loaded"):
        await check.check([picture()])
    now = 61.0
    ((finding,),) = await check.check([picture()])
    await check.aclose()

    assert not finding.flagged


async def test_pickled_weights_are_not_loaded(tmp_path: Path) -> None:
    folder = tiny.safety_checker(tmp_path / "checker", threshold=1.0)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")

    check = SafetyChecker(str(folder))
    with pytest.raises(CheckError, match="could not be loaded"):
        await check.check([picture()])
    await check.aclose()


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("owner/checker", ("owner/checker", "", "")),
        ("owner/pipeline/safety_checker", ("owner/pipeline", "safety_checker", "feature_extractor")),
    ],
)
def test_a_hub_id_may_name_a_checker_inside_a_pipeline(source: str, places: tuple[str, str, str]) -> None:
    assert safety_checker._places(source) == places


async def test_it_finds_the_checker_inside_a_pipelines_folder(tmp_path: Path) -> None:
    check = SafetyChecker(str(tiny.stable_diffusion(tmp_path / "sd", with_checker=True)))

    ((finding,),) = await check.check([picture()])
    await check.aclose()

    assert finding.flagged


# omni-moderation.


async def test_it_sends_the_picture_and_nothing_else(peer: OpenAIPeer) -> None:
    check = _moderation(peer)
    await check.check([picture("PNG"), picture("JPEG")])
    await check.aclose()

    urls = [call.body["input"][0]["image_url"]["url"][:22] for call in peer.calls]
    assert sorted(urls) == ["data:image/jpeg;base64", "data:image/png;base64,"]
    assert all(call.body.keys() == {"input", "model"} and call.body["model"] == MODEL for call in peer.calls)
    assert all(call.status == 200 for call in peer.calls)


async def test_its_scores_come_through(peer: OpenAIPeer) -> None:
    peer.scores.update({"sexual": 0.25, "violence": 0.85})
    check = _moderation(peer)

    (findings,) = await check.check([picture()])
    await check.aclose()

    by_name = {finding.category: finding for finding in findings}
    assert tuple(by_name) == IMAGE_CATEGORIES
    assert (by_name["sexual"].score, by_name["sexual"].flagged) == (0.25, False)
    assert (by_name["violence"].score, by_name["violence"].flagged) == (0.85, True)


@pytest.mark.parametrize(
    "fault", ["rate_limit", "bad_key", "server_error", "unavailable", "drop", "garbage", "nan_scores", "hang"]
)
async def test_whatever_goes_wrong_is_an_error(peer: OpenAIPeer, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    peer.moderation_fault(fault)
    check = _moderation(peer, timeout_s=0.3)

    with caplog.at_level(logging.INFO), pytest.raises(CheckError) as caught:
        await check.check([picture()])
    await check.aclose()

    assert "sk-sec" not in str(caught.value) + caplog.text


async def test_a_passing_outage_is_retried_for_it_costs_nothing(peer: OpenAIPeer) -> None:
    peer.moderation_fault("rate_limit")
    check = _moderation(peer, retries=1)

    (findings,) = await check.check([picture()])
    await check.aclose()

    assert len(findings) == len(IMAGE_CATEGORIES)
    assert [call.status for call in peer.calls] == [429, 200]


async def test_without_a_key_or_a_server_it_is_an_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    for check in (OpenAIModeration(api_key=None), OpenAIModeration(api_key="sk-x", base_url=nobody, retries=0)):
        with pytest.raises(CheckError):
            await check.check([picture()])
        await check.aclose()


async def test_a_picture_it_does_not_take_is_not_sent(peer: OpenAIPeer) -> None:
    check = _moderation(peer)
    with pytest.raises(CheckError, match="20 MB"):
        await check.check([picture() + bytes(20_000_000)])
    await check.aclose()

    assert peer.calls == []


def _changed(**changes: Any) -> bytes:
    answer = answers.moderation({})
    for path, value in changes.items():
        if path == "results":
            answer["results"] = value
            continue
        part, _, name = path.partition("__")
        if not name:
            answer["results"][0][part] = value
        elif value is None:
            del answer["results"][0][part][name]
        else:
            answer["results"][0][part][name] = value
    return json.dumps(answer).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"results": {}}',
        _changed(results=[]),
        _changed(results=answers.moderation({})["results"] * 2),
        _changed(categories=None),
        _changed(category_scores__sexual=None),
        _changed(category_scores__sexual="0.1"),
        _changed(category_scores__sexual=True),
        _changed(category_scores__sexual=1.5),
        _changed(category_scores__sexual=math.nan),
        _changed(categories__violence=None),
        _changed(categories__violence=0),
        _changed(categories__violence=True),
        _changed(category_scores__cheese=0.0),
        _changed(flagged=True),
        _changed(flagged="no"),
    ],
)
def test_an_answer_that_is_not_quite_one_is_an_error(body: bytes) -> None:
    with pytest.raises(CheckError):
        read_answer(body)


def test_a_text_category_counts_when_it_is_flagged_all_the_same() -> None:
    findings = read_answer(json.dumps(answers.moderation({"sexual/minors": 0.9})).encode())

    assert [finding.category for finding in findings if finding.flagged] == ["sexual/minors"]
