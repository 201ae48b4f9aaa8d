"""Money: whole millionths of a dollar, rounded up, and unknown where anything needed is unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.prices import TOKENS, UNITS, cost_of, megapixels

PRICES = {"text_input": 5_000_000, "image_input": 8_000_000, "image_output": 30_000_000, "image": 40_000}


@pytest.mark.parametrize(
    ("usage", "prices", "cost"),
    [
        ({"text_input": 1, "image_output": 1}, PRICES, 35),
        ({"text_input": 1, "image_output": 1}, {"text_input": 1, "image_output": 1}, 1),
        ({"image": 3}, PRICES, 120_000),
        ({"image": 1, "text_input": 1}, {"image": 40_000, "text_input": 1}, 40_001),
        ({"image_output": 0}, {}, 0),
        ({"image_output": 5}, {}, None),
        ({}, PRICES, None),
    ],
)
def test_cost_is_rounded_up_and_unknown_where_something_is_missing(
    usage: dict[str, int], prices: dict[str, int], cost: int | None
) -> None:
    assert cost_of(usage, prices) == cost


@given(st.dictionaries(st.sampled_from(sorted(UNITS)), st.integers(0, 10**9), min_size=1))
def test_never_less_than_the_exact_sum_and_never_a_millionth_more(usage: dict[str, int]) -> None:
    prices = dict.fromkeys(UNITS, 7)
    exact = sum(count * (7 if name not in TOKENS else 7 / 1_000_000) for name, count in usage.items())

    cost = cost_of(usage, prices)

    assert cost is not None
    assert exact - 1e-3 <= cost < exact + 1 + 1e-3


@pytest.mark.parametrize(
    ("width", "height", "pictures", "usage"),
    [
        (1024, 1024, 1, {"first_megapixel": 1, "megapixel": 0}),
        (1025, 1024, 2, {"first_megapixel": 2, "megapixel": 2}),
        (2048, 2048, 1, {"first_megapixel": 1, "megapixel": 3}),
        (64, 64, 4, {"first_megapixel": 4, "megapixel": 0}),
    ],
)
def test_each_begun_megapixel_counts(width: int, height: int, pictures: int, usage: dict[str, int]) -> None:
    assert megapixels(width, height, pictures) == usage
