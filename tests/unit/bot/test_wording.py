"""Numbers and refusals as people read them."""

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wording import numbers
from bot.wording.refusals import refusal, shorten
from generation import refusals as r
from generation.quota import Allowance, QuotaStatus, Scope
from generation.routing import Bar

MIDNIGHT = 1_795_219_200_000  # 2026-11-21 00:00 UTC
NOW = MIDNIGHT - 3 * 3_600_000 - 12 * 60_000


def status(daily: int = 40, used: int = 0, held: int = 0, granted: int = 0) -> QuotaStatus:
    source = Allowance(Scope.SERVER, "", daily)
    return QuotaStatus(daily=daily, used=used, held=held, granted=granted, resets_at=MIDNIGHT, source=source)


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (-5, "0 s"),
        (400, "0 s"),
        (40_000, "40 s"),
        (59_600, "1 min"),
        (180_000, "3 min"),
        (3_590_000, "1 h"),
        (11_520_000, "3 h 12 min"),
        (86_390_000, "1 d"),
        (187_200_000, "2 d 4 h"),
    ],
)
def test_lengths_of_time(ms: int, said: str) -> None:
    assert numbers.duration(ms) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.04, "0.0 s"),
        (3.21, "3.2 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (25.4, "25 s"),
        (119.4, "119 s"),
        (119.6, "2 min"),
    ],
)
def test_seconds(value: float, said: str) -> None:
    assert numbers.seconds(value) == said


@given(st.integers(0, 10**10))
def test_a_length_of_time_never_shows_sixty_of_anything(ms: int) -> None:
    assert not re.search(r"\b(60 s|60 min|24 h)\b", numbers.duration(ms))


@pytest.mark.parametrize(
    ("zone", "said"),
    [("UTC", "21 Nov 00:00 UTC"), ("Europe/Berlin", "21 Nov 01:00 CET"), ("America/New_York", "20 Nov 19:00 EST")],
)
def test_clock_times_name_day_and_zone(zone: str, said: str) -> None:
    assert numbers.clock_time(MIDNIGHT, ZoneInfo(zone)) == said


def test_a_day_has_no_leading_nought() -> None:
    assert numbers.clock_time(MIDNIGHT + 14 * 86_400_000) == "5 Dec 00:00 UTC"


@pytest.mark.parametrize(
    ("micros", "said"),
    [
        (0, "$0.000"),
        (400, "under $0.001"),
        (1_000, "$0.001"),
        (42_000, "$0.042"),
        (120_000, "$0.12"),
        (2_500_000, "$2.50"),
    ],
)
def test_money(micros: int, said: str) -> None:
    assert numbers.dollars(micros) == said


@pytest.mark.parametrize(
    ("position", "said"),
    [(0, "Next in line"), (1, "Next in line"), (3, "Third in line"), (10, "Tenth in line"), (11, "Number 11 in line")],
)
def test_places_in_line(position: int, said: str) -> None:
    assert numbers.place_in_line(position) == said


def test_one_picture_and_several() -> None:
    assert [numbers.pictures(count) for count in (0, 1, 2)] == ["0 pictures", "1 picture", "2 pictures"]


BACK = "The next ones come back at 21 Nov 00:00 UTC (in 3 h 12 min)."
REFUSALS: list[tuple[r.Refusal, str]] = [
    (r.EmptyPrompt(), "The prompt is empty. Say what you would like to see."),
    (r.PromptTooLong(4321, 4000), "The prompt is 4,321 characters long; the limit is 4,000."),
    (r.UnknownModel("sdxl\n9", ("tiny", "big")), "No model here is called “sdxl 9”. On offer: tiny, big."),
    (r.UnknownModel("sdxl", ()), "No model here is called “sdxl”. On offer: none yet."),
    (r.ModelAbsent("Zorblax", "Zorblax is gone."), "Zorblax is gone."),
    (r.ModelAbsent("Zorblax", "Zorblax is gone.", "Tiny"), "Zorblax is gone. Tiny is on offer here."),
    (
        r.CannotServe("Big", (Bar.LEAVES_HERE, Bar.TOO_DEAR)),
        "Big is not to be had for this: prompts may not leave this machine here; it costs more than is allowed here.",
    ),
    (
        r.CannotServe("Big", (Bar.LICENCE,), detail="It is for research only.", instead=("tiny", "small")),
        (
            "Big is not to be had for this: its licence does not let it serve this bot. It is for research only. "
            "On offer: tiny, small."
        ),
    ),
    (
        r.CannotServe("Old", (Bar.GONE,), detail="new"),
        "Old is not to be had for this: its provider has shut it down. Instead: new.",
    ),
    (r.BadSize("huge", "Tiny", ("64x64", "64x96")), "Tiny does not draw “huge”. Sizes: 64x64, 64x96."),
    (r.BadSeed(-1, 4294967295), "A seed is a whole number from 0 to 4,294,967,295."),
    (r.BadCount(9, 4), "This model draws 1 to 4 pictures at a time."),
    (r.BadCount(2, 1), "This model draws one picture at a time."),
    (
        r.QuotaUsed(4, status(used=38)),
        f"You asked for 4 pictures and have 2 left. {BACK}",
    ),
    (
        r.QuotaUsed(1, status(used=40)),
        f"You have used today's 40 pictures. {BACK}",
    ),
    (
        r.QuotaUsed(1, status(used=38, held=2)),
        f"You have used today's 40 pictures, counting 2 under way. {BACK}",
    ),
    (
        r.QuotaUsed(1, status(daily=1, used=1)),
        f"You have used today's picture. {BACK}",
    ),
    (r.QuotaUsed(1, status(daily=0)), "You have no daily pictures here. A moderator can change that."),
    (
        r.QuotaUsed(4, status(daily=0, granted=3)),
        "You asked for 4 pictures and have 3 left. A moderator can give more.",
    ),
    (
        r.Sanctioned(MIDNIGHT, "ad", "4F2K"),
        "A moderator has paused your picture requests until 21 Nov 00:00 UTC (in 3 h 12 min). Reason: “ad”. Case 4F2K.",
    ),
    (
        r.Sanctioned(None, "", "4F2K"),
        "A moderator has paused your picture requests until further notice. Case 4F2K.",
    ),
    (
        r.PromptHeld("zog", "4F2K"),
        "Prompts that mention “zog” are held here. Nothing was charged. Ask a moderator about case 4F2K.",
    ),
    (
        r.PromptRejected("zog", "4F2K"),
        "Prompts that mention “zog” are not drawn here. Nothing was charged. Case 4F2K.",
    ),
    (
        r.RulesUnreadable(),
        "The rules for prompts cannot be read right now, so nothing is drawn. The operator can see why.",
    ),
    (
        r.TooManyWaiting(3),
        "You have 3 requests under way, the most at a time here. Ask again when one is done.",
    ),
    (
        r.TooManyWaiting(1),
        "You have one request under way, the most at a time here. Ask again when one is done.",
    ),
]


@pytest.mark.parametrize(("reason", "said"), REFUSALS)
def test_each_refusal_has_its_sentence(reason: r.Refusal, said: str) -> None:
    assert refusal(reason, now=NOW) == said


def test_no_refusal_is_left_without_one() -> None:
    assert {type(reason) for reason, _ in REFUSALS} == set(r.Refusal.__args__)


@pytest.mark.parametrize(("reason", "said"), REFUSALS)
def test_no_refusal_shouts_or_blames(reason: r.Refusal, said: str) -> None:
    assert "!" not in said
    assert said.endswith(".")
    assert not re.search(r"\b(sorry|oops|invalid|forbidden|illegal|error|violat\w+)\b", said, re.IGNORECASE)


@given(st.text(max_size=200), st.integers(2, 80))
def test_shortened_text_is_one_line_and_short(text: str, most: int) -> None:
    short = shorten(text, most)
    assert len(short) <= most
    assert "\n" not in short
    assert short == short.strip()
