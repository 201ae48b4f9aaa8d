"""Reading typed phrases: never raises, never loses or reorders a word of the prompt."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import phrase
from bot.phrase import MissingValue, NotANumber, NumberTooLong, Phrase, RepeatedOption, Split, UnknownOption
from bot.wording.phrase import misread

WORDS = st.text(string.ascii_letters + "äßñ字🚤.,;:!?*_<>&'()", min_size=1, max_size=8)
VALUES = {
    "model": st.sampled_from(["tiny", "FLUX.2", "a b c", "x-y_z.1"]),
    "size": st.sampled_from(["512x768", "square", "512×768"]),
    "seed": st.integers(-(10**17), 10**17).map(str),
    "count": st.integers(0, 99).map(str),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a red boat at dusk", Phrase(prompt="a red boat at dusk")),
        (
            "a red boat --model x --size 512x768 --seed 7 --count 2",
            Phrase(prompt="a red boat", model="x", size="512x768", seed=7, count=2),
        ),
        ("--seed 7 a red boat", Phrase(prompt="a red boat", seed=7)),
        ("a --seed 7 red  boat", Phrase(prompt="a red  boat", seed=7)),
        ("a boat --seed=7 --model=x", Phrase(prompt="a boat", seed=7, model="x")),
        ("a boat --SEED 7", Phrase(prompt="a boat", seed=7)),
        ("a boat --seed -5", Phrase(prompt="a boat", seed=-5)),
        ("a boat --seed +5", Phrase(prompt="a boat", seed=5)),
        ('a boat --model "FLUX.2 klein"', Phrase(prompt="a boat", model="FLUX.2 klein")),
        ("a boat --model “FLUX.2 klein” at sea", Phrase(prompt="a boat at sea", model="FLUX.2 klein")),
        ('a boat --model="FLUX.2 klein" at sea', Phrase(prompt="a boat at sea", model="FLUX.2 klein")),
        ("a boat —seed 7", Phrase(prompt="a boat", seed=7)),
        ("a boat –seed 7 ―count 2", Phrase(prompt="a boat", seed=7, count=2)),
        ("a boat —-seed 7", Phrase(prompt="a boat", seed=7)),
        ("a boat —drifting— at dusk", Phrase(prompt="a boat —drifting— at dusk")),
        ("a boat — at dusk -- alone", Phrase(prompt="a boat — at dusk -- alone")),
        ("a well--known boat", Phrase(prompt="a well--known boat")),
        ("a boat -seed 7", Phrase(prompt="a boat -seed 7")),
        ("minus --5 degrees", Phrase(prompt="minus --5 degrees")),
        ('a sign that says "use --seed 7" --seed 8', Phrase(prompt='a sign that says "use --seed 7"', seed=8)),
        ('a 5" boat and a 6" mast --seed 7', Phrase(prompt='a 5" boat and a 6" mast', seed=7)),
        ("two\nlines --seed 7", Phrase(prompt="two\nlines", seed=7)),
        ("", Phrase(prompt="")),
        ("--seed 7", Phrase(prompt="", seed=7)),
    ],
)
def test_reads(text: str, expected: Phrase) -> None:
    assert phrase.read(text) == expected


@pytest.mark.parametrize(
    ("text", "reason", "sentence"),
    [
        (
            "a boat --sede 7",
            UnknownOption("sede", phrase.IMAGINE, "seed"),
            "There is no option --sede; there are --model, --size, --seed and --count. Did you mean --seed?",
        ),
        (
            "a boat --v 6",
            UnknownOption("v", phrase.IMAGINE, "model"),
            "There is no option --v; there are --model, --size, --seed and --count. Did you mean --model?",
        ),
        ("a boat --ar 16:9", UnknownOption("ar", phrase.IMAGINE, "size"), None),
        (
            "a boat --chaos 10",
            UnknownOption("chaos", phrase.IMAGINE, None),
            "There is no option --chaos; there are --model, --size, --seed and --count.",
        ),
        ("a boat --seed, 7", UnknownOption("seed,", phrase.IMAGINE, "seed"), None),
        ("a boat --seed", MissingValue("seed"), "The option --seed needs a value after it."),
        ("a boat --seed --count 2", MissingValue("seed"), None),
        ("a boat --model=", MissingValue("model"), None),
        ('a boat --model ""', MissingValue("model"), None),
        ("--seed 1 --seed 1", RepeatedOption("seed"), "The option --seed is there twice. Once is enough."),
        (
            "a boat --count two",
            NotANumber("count", "two"),
            "The option --count takes a whole number, like --count 2, not “two”.",
        ),
        ("a boat --count 2.5", NotANumber("count", "2.5"), None),
        ("a boat --seed 0x7", NotANumber("seed", "0x7"), None),
        ("a boat --seed " + "9" * 10_000, NumberTooLong("seed"), "The number after --seed is too long."),
    ],
)
def test_says_what_cannot_be_read(text: str, reason: phrase.Misread, sentence: str | None) -> None:
    assert phrase.read(text) == reason
    said = misread(reason)
    assert said.endswith((".", "?"))
    assert sentence in {None, said}


def test_another_command_has_options_of_its_own() -> None:
    assert phrase.split_options("add florp --effect hold", ("effect",)) == Split("add florp", {"effect": "hold"})
    unknown = phrase.split_options("florp --seed 7", ("effect",))
    assert isinstance(unknown, UnknownOption)
    assert misread(unknown) == "There is no option --seed; there is --effect."
    assert phrase.split_options("florp --ar 1:1", ("effect",)) == UnknownOption("ar", ("effect",), None)


@given(st.text())
def test_never_raises(text: str) -> None:
    found = phrase.read(text)
    if not isinstance(found, Phrase):
        assert misread(found)


@given(st.text(alphabet='-—–―"“”„= \nseedcount7', max_size=40))
def test_never_raises_near_the_syntax_either(text: str) -> None:
    found = phrase.read(text)
    if not isinstance(found, Phrase):
        assert misread(found)


@given(st.text(alphabet=st.characters(exclude_characters="-—–―")))
def test_a_text_without_hyphens_is_all_prompt(text: str) -> None:
    assert phrase.read(text) == Phrase(prompt=text.strip())


@given(st.lists(WORDS, max_size=8), st.dictionaries(st.sampled_from(phrase.IMAGINE), st.none(), max_size=4), st.data())
def test_no_word_is_lost_or_moved_wherever_the_options_stand(
    words: list[str], names: dict[str, None], data: st.DataObject
) -> None:
    parts, at = list(words), len(words)
    chosen: dict[str, str] = {}
    for name in names:
        value = chosen[name] = data.draw(VALUES[name])
        dashes = data.draw(st.sampled_from(["--", "—", "–"]))
        at = data.draw(st.integers(0, at))
        parts.insert(at, f'{dashes}{name} "{value}"' if " " in value else f"{dashes}{name} {value}")
    read = phrase.read(" ".join(parts))
    assert isinstance(read, Phrase)
    assert read.prompt.split() == words
    assert (read.model, read.size) == (chosen.get("model"), chosen.get("size"))
    assert read.seed == (int(chosen["seed"]) if "seed" in chosen else None)
    assert read.count == int(chosen.get("count", 1))


@given(
    st.builds(
        Phrase,
        prompt=st.lists(WORDS, max_size=8).map(" ".join),
        model=st.none() | VALUES["model"],
        size=st.none() | VALUES["size"],
        seed=st.none() | st.integers(-(10**17), 10**17),
        count=st.integers(0, 99),
    )
)
def test_what_is_rendered_reads_the_same(written: Phrase) -> None:
    assert phrase.read(phrase.render(written)) == written
