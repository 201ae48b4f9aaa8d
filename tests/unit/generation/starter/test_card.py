"""The model card names the world as it is."""

from pathlib import Path

import pytest

from generation.starter.world import COLOURS, PLACES, POSITIONS, SIZES, STYLES, SUBJECTS, TIMES

CARD = (Path(__file__).parents[4] / "docs" / "starter.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("names", [SUBJECTS, COLOURS, PLACES, TIMES, STYLES, SIZES, POSITIONS])
def test_every_word_stands_in_the_card(names: dict[str, tuple[str, ...]]) -> None:
    missing = [row for name, words in names.items() if (row := f"| {name} | {', '.join(words)} |") not in CARD]

    assert not missing
