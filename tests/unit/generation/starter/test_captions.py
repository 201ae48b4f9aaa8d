"""How scenes are worded, and which words of a prompt are understood."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.starter.captions import Reading, describe, read_prompt, vocabulary
from generation.starter.data import scene_number
from generation.starter.world import COLOURS, PLACES, STYLES, SUBJECTS, TIMES, Scene, Thing

ORNAMENTS = {"beautiful", "highly", "detailed", "masterpiece", "4k", "cute", "best", "quality", "vibrant", "cinematic"}
SCENES = [scene_number(number, seed=3) for number in range(2500)]
BOAT = Scene((Thing("boat", "red"),), "sea", "night", "paper")


def captions() -> list[str]:
    lot = random.Random(4)
    return [describe(scene, lot) for scene in SCENES]


def test_captions_hold_words_of_the_vocabulary_ornaments_and_little_else() -> None:
    strange = [[word for word in read_prompt(caption).unknown if word not in ORNAMENTS] for caption in captions()]

    # Nonsense is made up letter by letter, at most two words a caption. A word forgotten in the vocabulary would come
    # up again and again.
    assert max(map(len, strange)) <= 2
    assert Counter(word for words in strange for word in words).most_common(1)[0][1] <= 3
    assert sum(map(bool, strange)) < len(strange) / 4


def test_captions_are_as_varied_as_people_are() -> None:
    lot = random.Random(7)
    said = {describe(BOAT, lot) for _ in range(300)}

    assert len(said) > 200
    assert any("sailboat" in caption for caption in said)
    assert any("boat in red" in caption for caption in said)
    assert any(caption.startswith(("at night", "by night", "in the dark", "under the moon")) for caption in said)


def test_a_caption_says_nothing_that_is_not_so() -> None:
    lot = random.Random(8)
    for scene in SCENES:
        known = set(read_prompt(describe(scene, lot)).known)
        colours = {thing.colour for thing in scene.things}
        subjects = {thing.subject for thing in scene.things}
        wrong = [COLOURS[name] for name in set(COLOURS) - colours] + [SUBJECTS[n] for n in set(SUBJECTS) - subjects]
        assert not known & {word for words in wrong for word in words}, scene


def test_the_same_lot_words_it_the_same() -> None:
    assert captions() == captions()


@pytest.mark.parametrize(
    "prompt",
    [
        "an orange umbrella and a black cat in the city by day, sketch",
        "two blue fish on the sea, pixel art",
        "Please draw me a BIG white house in the snow at sunset",
        "an empty place in the desert",
    ],
)
def test_plain_prompts_are_understood_whole(prompt: str) -> None:
    assert not read_prompt(prompt).unknown


def test_two_red_boats_at_night_are_understood_and_a_dragon_is_not() -> None:
    assert read_prompt("Two RED boats, a dragon & a boat at night (dragon!)") == Reading(
        known=("two", "red", "boats", "boat", "night"), unknown=("dragon",)
    )


@given(st.text(max_size=200))
def test_any_text_can_be_read(prompt: str) -> None:
    reading = read_prompt(prompt)

    assert set(reading.known) <= vocabulary()
    assert not set(reading.unknown) & vocabulary()
    assert len(set(reading.known + reading.unknown)) == len(reading.known + reading.unknown)
    assert all(word and word in prompt.lower() for word in reading.known + reading.unknown)


@given(st.lists(st.sampled_from(sorted({w for names in (SUBJECTS, COLOURS) for ws in names.values() for w in ws}))))
def test_known_words_are_told_in_their_order_each_once(words: list[str]) -> None:
    assert read_prompt(", ".join(words).upper()) == Reading(known=tuple(dict.fromkeys(words)), unknown=())


@pytest.mark.parametrize("names", [SUBJECTS, COLOURS, PLACES, TIMES, STYLES])
def test_no_word_means_two_things(names: dict[str, tuple[str, ...]]) -> None:
    phrases = [phrase for words in names.values() for phrase in words]

    assert len(phrases) == len(set(phrases))
