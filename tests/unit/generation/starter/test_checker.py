"""The checker: it reads the renderer's drawings, whose truth is known, in every style and softness."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from generation.errors import ModelMissing
from generation.starter.checker import Checker, load_checker, paper_colour
from generation.starter.checker_net import GRID, LOOKS
from generation.starter.figures import draw_figure
from generation.starter.palette import THINGS
from generation.starter.render import paint
from generation.starter.train_checker import CHECKER_COURSE, checker_scene, learn, subject_map
from generation.starter.world import STYLES, SUBJECTS, Scene, Thing, evaluation_scene


@pytest.fixture(scope="module")
def checker() -> Checker:
    return load_checker()


def of(scene: Scene) -> list[tuple[str, str]]:
    return [(thing.subject, thing.colour) for thing in scene.things for _ in range(thing.count)]


# A mosaic's grout mixes with its tiles when blurred, which changes their colours in truth.
@pytest.mark.parametrize(("style", "blur"), [*((style, 0.0) for style in LOOKS), *((style, 1.0) for style in STYLES)])
def test_it_reads_nearly_every_drawing(checker: Checker, style: str, blur: float) -> None:
    lot = random.Random(f"test {style}")
    scenes = [replace(evaluation_scene(lot, 1 + number % 2), style=style) for number in range(50)]

    sights = checker.look([paint(scene).filter(ImageFilter.GaussianBlur(blur)) for scene in scenes])

    pairs = list(zip(scenes, sights, strict=True))
    # A few of these are hard (white on snow, black at night in the woods); what it promises is measured over hundreds.
    assert sum(of(scene) == [(f.subject, f.colour) for f in sight.figures] for scene, sight in pairs) >= 46
    assert sum(scene.place == sight.place for scene, sight in pairs) >= 48
    assert sum(scene.time == sight.time for scene, sight in pairs) >= 48
    if not blur:
        assert sum(scene.style == sight.style for scene, sight in pairs) >= 46


def test_figures_come_from_left_to_right_and_say_where_they_stand(checker: Checker) -> None:
    scene = Scene((Thing("cat", "black"), Thing("house", "red")), "meadow", "day", "paper", seed=3)

    [sight] = checker.look([paint(scene)])

    assert [(figure.subject, figure.colour) for figure in sight.figures] == [("cat", "black"), ("house", "red")]
    assert [figure.x for figure in sight.figures] == pytest.approx([0.265, 0.735], abs=0.08)


def test_it_counts(checker: Checker) -> None:
    scenes = [Scene((Thing("balloon", "red", count),), "sea", "day", "paper", seed=5) for count in (1, 2, 3)]

    assert [len(sight.figures) for sight in checker.look([paint(scene) for scene in scenes])] == [1, 2, 3]
    assert checker.look([paint(replace(scenes[0], things=()))])[0].figures == ()


def test_it_looks_at_pictures_as_delivered(checker: Checker) -> None:
    small = paint(Scene((Thing("boat", "red"),), "sea", "sunset", "paper", seed=1))
    large = small.resize((512, 512), Image.Resampling.LANCZOS).convert("RGBA")

    assert checker.look([large]) == checker.look([small])
    assert checker.look([]) == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_colour_of_the_paper_is_told_from_ornaments(subject: str) -> None:
    for colour in THINGS:
        figure = np.asarray(draw_figure(subject, colour, 64))
        assert paper_colour(figure[figure[..., 3] > 0][:, :3], subject) == colour


def test_without_weights_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="checker"):
        load_checker(tmp_path / "none.safetensors")


def test_a_map_says_what_covers_each_spot() -> None:
    scene = Scene((Thing("fish", "red"), Thing("house", "blue")), "sea", "day", "sketch", seed=9)

    spots = subject_map(scene)

    numbers = {subject: number for number, subject in enumerate(SUBJECTS)}
    assert set(np.unique(spots)) == {numbers["fish"], numbers["house"], len(SUBJECTS)}
    assert set(np.unique(spots[:, : GRID // 2])) == {numbers["fish"], len(SUBJECTS)}


def test_it_is_taught_by_its_own_script_alone(tmp_path: Path) -> None:
    lot = random.Random(0)
    scenes = [checker_scene(lot) for _ in range(6)]
    weights = tmp_path / "checker.safetensors"

    learn(scenes, tmp_path, replace(CHECKER_COURSE, steps=2, batch=2), weights)

    assert weights.stat().st_size < 1_000_000
    assert len(load_checker(weights).look([paint(scene) for scene in scenes])) == 6
