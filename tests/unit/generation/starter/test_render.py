"""Scenes as pictures: everything paints, colours are where they should be, and styles look like themselves."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from generation.starter.palette import CREAM, SKIES, THINGS
from generation.starter.render import MOSAIC, SIDE, paint
from generation.starter.world import COLOURS, PLACES, STYLES, SUBJECTS, TIMES, Scene, Thing

BOAT = Scene((Thing("boat", "red"),), "sea", "day", "paper", seed=3)


def pixels(scene: Scene) -> Any:
    """The picture as (128, 128, 3) integers."""
    return np.asarray(paint(scene), dtype=np.int16)


def near(picture: Any, colour: tuple[int, int, int], within: int = 24) -> Any:
    """Which pixels have nearly that colour, (height, width)."""
    return np.abs(picture - np.array(colour)).max(axis=2) <= within


@pytest.mark.parametrize("style", [*STYLES, MOSAIC])
def test_the_same_scene_is_the_same_picture_and_another_seed_another(style: str) -> None:
    scene = replace(BOAT, style=style)

    assert paint(scene).tobytes() == paint(scene).tobytes()
    assert paint(scene).tobytes() != paint(replace(scene, seed=4)).tobytes()
    assert (paint(scene).size, paint(scene).mode) == ((SIDE, SIDE), "RGB")


@pytest.mark.parametrize("style", [*STYLES, MOSAIC])
def test_every_subject_and_every_place_paints_and_no_two_alike(style: str) -> None:
    subjects = {paint(replace(BOAT, things=(Thing(name, "red"),), style=style)).tobytes() for name in SUBJECTS}
    settings = {paint(Scene((), place, time, style)).tobytes() for place in PLACES for time in TIMES}

    assert len(subjects) == len(SUBJECTS)
    assert len(settings) == len(PLACES) * len(TIMES)


@pytest.mark.parametrize("style", ["paper", "sketch"])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_figure_brings_its_colour(subject: str, style: str) -> None:
    empty = replace(BOAT, things=(), place="city", style=style)
    background = pixels(empty)
    for colour in COLOURS:
        picture = pixels(replace(empty, things=(Thing(subject, colour),)))
        more = near(picture, THINGS[colour]).mean() - near(background, THINGS[colour]).mean()
        assert more > 0.01, colour


def test_the_first_of_two_things_stands_on_the_left() -> None:
    picture = pixels(replace(BOAT, things=(Thing("car", "red"), Thing("tree", "purple")), place="snow"))
    red, purple = (np.nonzero(near(picture, THINGS[colour]))[1] for colour in ("red", "purple"))

    assert red.size
    assert purple.size
    assert red.max() < SIDE / 2 < purple.min()


def test_a_position_is_kept() -> None:
    def middle(position: str) -> float:
        picture = pixels(replace(BOAT, place="snow", position=position))
        return float(np.nonzero(near(picture, THINGS["red"]))[1].mean()) / SIDE

    assert middle("left") < 0.4 < middle("middle") < 0.6 < middle("right")


def test_a_big_thing_is_larger_than_a_small_one_and_three_are_three() -> None:
    def red(thing: Thing) -> Any:
        return near(pixels(replace(BOAT, things=(thing,), place="snow")), THINGS["red"])

    assert red(Thing("house", "red", size="big")).sum() > 2 * red(Thing("house", "red", size="small")).sum()
    columns = red(Thing("house", "red", count=3)).any(axis=0).astype(int)
    assert (np.diff(columns, prepend=0) == 1).sum() == 3


def test_nights_are_dark_and_skies_have_their_colours() -> None:
    for place in PLACES:
        day, night = (pixels(Scene((), place, time, "paper", seed=5)) for time in ("day", "night"))
        assert night.mean() < day.mean() - 40, place
        assert near(night[:16], SKIES["night"][0], 4).mean() > 0.3, place


def test_paper_has_a_cream_edge_pixel_art_has_squares_a_sketch_has_ink() -> None:
    paper, pixel, sketch = (pixels(replace(BOAT, style=style)) for style in ("paper", "pixel", "sketch"))
    squares = pixel.reshape(32, 4, 32, 4, 3)

    assert (squares == squares[:, :1, :, :1]).all()
    assert near(paper, CREAM, 12).sum() > near(pixel, CREAM, 12).sum() + 100
    assert (sketch.sum(axis=2) < 240).mean() > (paper.sum(axis=2) < 240).mean() + 0.02


def test_a_mosaic_has_grout_every_four_pixels_and_nothing_else_has() -> None:
    def grout(style: str) -> float:
        brightness = pixels(replace(BOAT, style=style)).mean(axis=2)
        lines = np.arange(SIDE) % 4 == 3
        return float(
            brightness[~lines][:, ~lines].mean() - (brightness[lines].mean() + brightness[:, lines].mean()) / 2
        )

    assert grout(MOSAIC) > 50
    assert all(abs(grout(style)) < 5 for style in STYLES)
