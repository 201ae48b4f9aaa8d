"""The evaluation: what counts as right, what is asked for, and how it ends."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from generation.starter import parts
from generation.starter.captions import read_prompt
from generation.starter.checker import Figure, Sight
from generation.starter.contact import PROMPTS
from generation.starter.evaluate import main, questions
from generation.starter.scores import Score, Trial, names, scores, wrong
from generation.starter.sheet import laid_out
from generation.starter.world import PLACES, Scene, Thing, held_out

ONE = Scene((Thing("boat", "red"),), "sea", "night", "paper")
TWO = replace(ONE, things=(Thing("boat", "red"), Thing("cat", "black")))
BOAT, CAT = Figure("boat", "red", 0.27), Figure("cat", "black", 0.73)


def judged(scene: Scene, *figures: Figure, place: str = "sea", time: str = "night", caption: str = "") -> Trial:
    return Trial(scene=scene, caption=caption, sight=Sight(place, time, figures, "paper"))


def by_metric(*trials: Trial) -> dict[str, Score]:
    return {score.metric: score for score in scores(trials)}


def test_a_picture_of_one_subject() -> None:
    found = by_metric(
        judged(ONE, BOAT),
        judged(ONE, replace(BOAT, colour="blue")),
        judged(ONE, CAT, place="beach"),
        judged(ONE, BOAT, BOAT),
        judged(ONE),
    )

    # One boat too many is not what was asked for, but red it is.
    assert (found["subject"].value, found["colour"].value, found["place"].value) == (0.4, 0.4, 0.8)
    assert found["subject"].seen == {"boat": {"boat": 2, "cat": 1, "several": 1, "none": 1}}
    assert found["colour"].seen == {"red": {"red": 2, "blue": 1, "black": 1, "none": 1}}
    assert found["place"].seen == {"sea": {"sea": 4, "beach": 1}}


def test_two_subjects_have_each_its_colour_and_its_side() -> None:
    found = by_metric(
        judged(TWO, BOAT, CAT),
        judged(TWO, CAT, BOAT),
        judged(TWO, replace(BOAT, colour="black"), replace(CAT, colour="red")),
        judged(TWO, BOAT),
        judged(TWO, BOAT, CAT, CAT),
    )

    assert (found["two_subjects"].right, found["two_subjects"].pictures) == (1, 5)
    assert found["place"].pictures == 5
    # Nothing of one subject was asked for: that is no success.
    assert found["subject"].pictures == 0
    assert found["subject"].missed


def test_time_counts_where_the_caption_says_it() -> None:
    found = by_metric(
        judged(ONE, BOAT, caption="a red boat at sea under the moon"),
        judged(ONE, BOAT, time="day", caption="night, red boat, sea"),
        judged(ONE, BOAT, time="day", caption="a red boat at sea"),
    )

    assert (found["time"].right, found["time"].pictures) == (1, 2)
    assert found["time"].target is None
    assert not found["time"].missed


def test_a_picture_is_wrong_if_anything_promised_is() -> None:
    assert not wrong(judged(TWO, BOAT, CAT, time="day"))
    assert wrong(judged(TWO, CAT, BOAT))
    assert wrong(judged(ONE, BOAT, place="beach"))


def test_a_target_is_kept_when_it_is_just_reached() -> None:
    assert not Score(metric="subject", right=9, pictures=10, target=0.9).missed
    data = Score(metric="subject", right=8, pictures=10, target=0.9).as_data()
    assert data == {
        "bench": "starter_evaluation",
        "metric": "subject",
        "value": 0.8,
        "unit": "share",
        "pictures": 10,
        "target": 0.9,
        "kept": False,
    }


def test_words_count_when_they_stand_whole() -> None:
    assert names("red boat, sea", ["sea"])
    assert names("a boat on a sandy shore at night", ["on a sandy shore"])
    assert not names("a seaside boat", ["sea"])


def test_what_is_asked_for_was_never_trained_on_and_names_its_place() -> None:
    asked = questions(40, 1)

    assert asked == questions(40, 1)
    assert asked != questions(40, 2)
    assert [len(question.scene.things) for question in asked] == [1] * 26 + [2] * 14
    for question in asked:
        assert held_out(question.scene)
        assert names(question.caption, PLACES[question.scene.place])


@pytest.fixture(scope="module")
def hopeless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model that never learnt anything."""
    folder = tmp_path_factory.mktemp("hopeless")
    tokenizer = parts.new_tokenizer()
    encoder = parts.new_text_encoder(len(tokenizer))
    parts.save(parts.assemble(parts.new_vae(), parts.new_unet(), tokenizer, encoder), folder)
    return folder


def test_a_hopeless_model_fails_and_everything_is_told(hopeless: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "wrong.png"

    arguments = ["--json", "--pictures", "8", "--steps", "2", "--model", str(hopeless), "--sheet", str(sheet)]
    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 1
    found = {line["metric"]: line for line in map(json.loads, result.stdout.splitlines())}
    assert (found["subject"]["pictures"], found["two_subjects"]["pictures"], found["place"]["pictures"]) == (5, 3, 8)
    assert found["subject"]["kept"] is False
    assert found["two_subjects"]["kept"] is False
    # The checker does well at the very same scenes: the fault is the model's.
    assert found["checker_subject"]["value"] >= 0.8
    assert "Place" in result.stderr
    with Image.open(sheet) as saved:
        assert saved.width > 4 * 256


def test_missing_weights_are_one_clear_sentence(tmp_path: Path, hopeless: Path) -> None:
    nothing = CliRunner().invoke(main, ["--model", str(tmp_path)])
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert "There is no model in" in nothing.stderr

    # A folder that lacks one part, as after a broken copy.
    for name in ("model_index.json", "scheduler", "tokenizer", "vae", "unet"):
        (tmp_path / name).symlink_to(hopeless / name)
    half = CliRunner().invoke(main, ["--model", str(tmp_path)])
    assert half.exit_code == 2
    assert half.stderr.splitlines()[-1].startswith("Error: The model in")


def test_the_contact_sheet_asks_for_nothing_outside_the_world() -> None:
    assert [read_prompt(prompt).unknown for prompt in PROMPTS] == [()] * len(PROMPTS)


def test_a_sheet_holds_every_picture_and_its_words() -> None:
    red = Image.new("RGB", (200, 200), (255, 0, 0))

    sheet = laid_out([(red, "a red boat on the sea, at sunset, in the style of a paper cut"), (red, "short")] * 2, 3)

    assert sorted(sheet.getcolors(2**24) or [], reverse=True)[1] == (4 * 200 * 200, (255, 0, 0))
    # Nothing is written outside the cream margin.
    assert sheet.crop((0, 0, 40, sheet.height)).getcolors() == [(40 * sheet.height, sheet.getpixel((0, 0)))]
