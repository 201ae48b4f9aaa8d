"""The sentence on a prompt's words: true, short, and nothing in it but words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.backends.understood import understood
from tests.making_jobs import local_entry

STARTER = local_entry({"shipped": "starter"}, title="Tessera Starter")
ALL_IT_DRAWS = (
    "Tessera Starter knows none of these words. It draws: boat, house, tree, car, cat, fish, bird, flower, balloon, "
    "umbrella, mushroom, rocket."
)


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("A red boat on the sea", "Understood: red, boat, sea."),
        ("a red boat with a DRAGON, zorblax!", "Understood: red, boat. Not in its world: dragon, zorblax."),
        ("red red red boat", "Understood: red, boat."),
        ("zorblax", ALL_IT_DRAWS),
        ("🐉 …", ALL_IT_DRAWS),
        (
            "boat " + " ".join(f"zorblax{n}" for n in range(13)),
            f"Understood: boat. Not in its world: {', '.join(f'zorblax{n}' for n in range(10))} and 3 more.",
        ),
        ("boat " + "zorblax" * 9, "Understood: boat. Not in its world: zorblaxzorblaxzorblaxzo…."),
    ],
)
def test_it_says_what_was_understood_and_what_was_not(prompt: str, sentence: str) -> None:
    assert understood(STARTER, prompt, len(prompt)) == (sentence,)


def test_what_was_not_read_was_not_understood() -> None:
    prompt = "a red boat and a green catapult"

    assert understood(STARTER, prompt, len("a red boat and a green cat")) == ("Understood: red, boat, green.",)
    assert understood(STARTER, prompt, len("a red")) == ("Understood: red.",)


def test_of_a_model_that_reads_everything_nothing_is_said() -> None:
    assert understood(local_entry({"repo": "some/model"}), "a red boat, zorblax", 3) == ()


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=4000), st.integers(0, 4000))
def test_nothing_but_words_gets_into_it_and_it_is_short(prompt: str, read: int) -> None:
    (sentence,) = understood(STARTER, f"boat {prompt}", 5 + read)

    assert len(sentence) <= 590
    said = sentence.removeprefix("Understood: ").replace(". Not in its world: ", ", ")
    assert re.fullmatch(r"[^\W_]+…?(, [^\W_]+…?)*( and \d+ more)?(, [^\W_]+…?)*( and \d+ more)?\.", said)
