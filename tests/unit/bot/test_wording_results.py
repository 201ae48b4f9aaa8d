"""The words under a picture and while waiting: plain, short, true."""

from dataclasses import replace

import pytest

from bot.wording import results, waiting
from generation.catalogue import load_entries
from generation.estimate import Place
from generation.quota import Allowance, QuotaStatus, Scope
from generation.result import Failure, FailureKind, MadeBy, ProgressEvent
from tests.making import NOW, PARAMS, image, outcome, request

ENTRIES = {entry.id: entry for entry in load_entries()}
QUOTA = QuotaStatus(
    daily=40, used=4, held=0, granted=0, resets_at=NOW + 1000, source=Allowance(Scope.INSTALLATION, "", 40)
)


def test_the_caption_says_what_who_how_and_what_is_left() -> None:
    lines = results.caption(request(), replace(outcome(), seconds=3.24), [image()], ENTRIES["flux2-klein-4b"], QUOTA)

    assert lines == (
        (
            "FLUX.2 klein 4B · open weight, Apache-2.0 · made here, nobody else saw the prompt · seed 7 · 3.2 s · "
            "36 of 40 left today"
        ),
    )


def test_a_closed_models_caption_says_who_saw_the_prompt_and_what_it_cost() -> None:
    made_by = MadeBy(model="gpt-image-2", title="GPT Image 2", backend="openai", cost=53_000)
    came = replace(outcome(), made_by=made_by, notes=("GPT Image 2 takes no seed.",), seconds=31.4)
    lines = results.caption(request(), came, [replace(image(), seed=None)], ENTRIES["gpt-image-2"], QUOTA)

    assert lines[0] == (
        "GPT Image 2 · closed, by API, OpenAI service terms · made by OpenAI, who saw the prompt · 31 s · $0.053 · "
        "36 of 40 left today"
    )
    assert lines[1] == "GPT Image 2 takes no seed."


def test_who_stood_in_for_whom_is_said() -> None:
    asked = request(instead_of="GPT Image 2")
    lines = results.caption(asked, outcome(), [image()], ENTRIES["sdxl"], QUOTA)

    assert lines[1] == "GPT Image 2 was not answering, so SDXL 1.0 made this."


@pytest.mark.parametrize(
    ("model", "seen_by", "words"),
    [
        ("sdxl", (), "made here, nobody else saw the prompt"),
        ("sdxl", ("OpenAI",), "made here, but OpenAI was sent the prompt first"),
        ("gpt-image-2", ("Google", "Google"), "made by OpenAI, who saw the prompt, as Google did before"),
        ("gpt-image-2", ("OpenAI",), "made by OpenAI, who saw the prompt"),
    ],
)
def test_all_who_were_sent_the_prompt_are_named(model: str, seen_by: tuple[str, ...], words: str) -> None:
    lines = results.caption(request(seen_by=seen_by), outcome(), [image()], ENTRIES[model], QUOTA)

    assert f" · {words} · " in lines[0]


@pytest.mark.parametrize(
    ("seeds", "words"), [([7], "seed 7"), ([7, 8, 9], "seeds 7–9"), ([7, 9], "seeds 7, 9"), ([None], "seed")]
)
def test_seeds_are_said_shortly(seeds: list[int | None], words: str) -> None:
    shown = [replace(image(), seed=seed) for seed in seeds]
    asked = request(params=replace(PARAMS, num_images=len(seeds)))
    [line] = results.caption(asked, outcome(), shown, ENTRIES["starter"], QUOTA)

    assert (f"· {words} ·" in line) is (seeds != [None])


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("provider", ["this machine", "OpenAI"])
def test_every_failure_has_its_sentence(kind: FailureKind, provider: str) -> None:
    lines = results.failed(Failure(kind=kind, detail="sk-secret prompt"), "SDXL", provider)

    assert lines[-1] == "Nothing was charged."
    assert "secret" not in " ".join(lines)
    assert "!" not in " ".join(lines)


def test_one_and_several_pictures_are_told_apart() -> None:
    assert results.held(1, 24) == (
        "The picture is made, but the safety check could not pass it, so it is held back.",
        "It is not charged: your allowance has 1 picture back in 24 h.",
    )
    assert results.held(2, 24)[1] == "They are not charged: your allowance has 2 pictures back in 24 h."
    assert results.withheld(1, expired=False)[0] == "The safety check did not pass this picture, so it is not shown."
    assert (
        results.withheld(3, expired=False)[0] == "The safety check did not pass these pictures, so they are not shown."
    )
    assert results.withheld(3, expired=True)[0].startswith("The held pictures could not be passed in time")


def test_given_pictures_are_not_todays_alone() -> None:
    [line] = results.caption(request(), outcome(), [image()], ENTRIES["starter"], replace(QUOTA, granted=5))

    assert line.endswith(" · 41 left")


def test_waiting_names_place_and_estimate() -> None:
    assert waiting.in_line(Place(3, 25.2), served=True) == "Third in line, about 25 s."
    assert waiting.in_line(Place(14, 400), served=True) == "Number 14 in line, about 7 min."
    assert "Drawing is paused" in waiting.in_line(Place(1, 2), served=False)


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("loading", "Loading SDXL, then about 8 s."),
        ("drawing", "Drawing, 40 %."),
        ("checking", "Checking them."),
        ("storing", "Saving them."),
        ("started", "Starting, about 8 s."),
        ("dreaming", "Drawing, about 8 s."),
    ],
)
def test_working_says_what_is_done(stage: str, words: str) -> None:
    event = ProgressEvent(request_id="a", attempt=1, stage=stage, at=NOW, done=2, total=5)

    assert waiting.working(event, "SDXL", 2, 8.2) == words


def test_drawing_without_steps_names_an_estimate() -> None:
    event = ProgressEvent(request_id="a", attempt=1, stage="drawing", at=NOW)

    assert waiting.working(event, "GPT Image 2", 1, 31.0) == "Drawing, about 30 s."
