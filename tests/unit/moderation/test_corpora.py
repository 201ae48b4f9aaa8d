"""Prompts other people wrote: nonsense rules flag none of them, and nothing in them breaks the matcher."""

import csv
from pathlib import Path

import pytest

from moderation.normalise import clean
from moderation.prompts import check_prompt
from moderation.rules import Rule, RuleSet
from moderation.verdict import Action

CORPORA = Path(__file__).parents[4] / "shared" / "corpora"


@pytest.fixture(scope="module")
def prompts() -> list[str]:
    files = sorted(CORPORA.glob("*.csv"))
    if not files:
        pytest.skip("the shared corpora are not here")
    found = []
    for file in files:
        with file.open(encoding="utf-8", newline="") as lines:
            found += [row["prompt"] for row in csv.DictReader(lines)]
    return found


def test_there_are_enough_to_mean_something(prompts: list[str]) -> None:
    assert len(prompts) > 1900


def test_whole_nonsense_words_flag_nothing(prompts: list[str]) -> None:
    # Each is the middle of an everyday word, so looking inside words would flag many of these prompts.
    rules = RuleSet(tuple(Rule(n, word, Action.HOLD) for n, word in enumerate(["ainti", "uildin", "hotogr", "eople"])))
    inside = RuleSet(tuple(Rule(rule.id, f"*{rule.keyword}*", Action.HOLD) for rule in rules.rules))
    cleaned = [clean(prompt) for prompt in prompts]
    assert [text for text in cleaned if check_prompt(rules, text).matches] == []
    assert sum(bool(check_prompt(inside, text).matches) for text in cleaned) > 100


def test_a_real_word_is_found_as_a_whole_word_only(prompts: list[str]) -> None:
    rules = RuleSet((Rule(1, "cat", Action.HOLD),))
    hits = [match.original for prompt in prompts for match in rules.match(clean(prompt))]
    assert hits
    assert {hit.lower() for hit in hits} == {"cat"}


def test_cleaning_changes_no_ordinary_prompt(prompts: list[str]) -> None:
    for prompt in prompts:
        if prompt.isascii():
            assert clean(prompt) == " ".join(prompt.split())
