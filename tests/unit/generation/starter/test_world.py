"""What may be shown, and what training never sees."""

import random
from collections import Counter

from generation.starter.data import scene_number
from generation.starter.world import (
    COLOURS,
    MOST_ALIKE,
    PLACES,
    POSITIONS,
    SIZES,
    STYLES,
    SUBJECTS,
    TIMES,
    Scene,
    Thing,
    draw_by_lot,
    evaluation_scene,
    held_out,
)

SCENES = [scene_number(number, seed=1) for number in range(4000)]


def test_a_scene_depends_on_its_number_and_the_seed_alone() -> None:
    random.seed(99)
    again = [scene_number(number, seed=1) for number in reversed(range(40))]

    assert again[::-1] == SCENES[:40]
    assert [scene_number(number, seed=2) for number in range(40)] != SCENES[:40]


def test_every_scene_is_made_of_names_of_this_world() -> None:
    for scene in SCENES:
        assert scene.place in PLACES
        assert scene.time in TIMES
        assert scene.style in STYLES
        assert scene.position in {"", *POSITIONS}
        for thing in scene.things:
            assert thing.subject in SUBJECTS
            assert thing.colour in COLOURS
            assert thing.size in {"", *SIZES}
            assert 1 <= thing.count <= MOST_ALIKE


def test_all_of_this_world_comes_up_in_training() -> None:
    assert {scene.place for scene in SCENES} == set(PLACES)
    assert {scene.style for scene in SCENES} == set(STYLES)
    assert {len(scene.things) for scene in SCENES} == {0, 1, 2}
    alone = [scene.things[0] for scene in SCENES if len(scene.things) == 1]
    assert {thing.count for thing in alone} == set(range(1, MOST_ALIKE + 1))
    pairs = Counter((thing.subject, thing.colour) for scene in SCENES for thing in scene.things)
    assert len(pairs) == len(SUBJECTS) * len(COLOURS)


def test_what_is_held_out_is_never_trained_on() -> None:
    assert not [scene for scene in SCENES if held_out(scene)]


def test_about_one_combination_in_sixteen_is_held_out_and_every_pair_has_places_left() -> None:
    def kept_back(subject: str, colour: str, place: str) -> bool:
        return held_out(Scene((Thing(subject, colour),), place, "day", "paper"))

    combinations = [(s, c, p) for s in SUBJECTS for c in COLOURS for p in PLACES]
    share = sum(kept_back(*each) for each in combinations) / len(combinations)

    assert 0.04 < share < 0.09
    for subject in SUBJECTS:
        for colour in COLOURS:
            assert sum(kept_back(subject, colour, place) for place in PLACES) <= len(PLACES) / 2, (subject, colour)


def test_an_evaluation_asks_only_for_what_was_held_out() -> None:
    lot = random.Random(5)
    for things in (1, 2):
        for scene in [evaluation_scene(lot, things) for _ in range(30)]:
            assert held_out(scene)
            assert len(scene.things) == things
            assert all(thing.count == 1 and not thing.size for thing in scene.things)
            assert not scene.position


def test_two_things_are_told_apart_by_subject_or_by_colour() -> None:
    lot = random.Random(6)
    pairs = [scene.things for scene in (draw_by_lot(lot) for _ in range(2000)) if len(scene.things) == 2]

    assert pairs
    assert all(left != right for left, right in pairs)
