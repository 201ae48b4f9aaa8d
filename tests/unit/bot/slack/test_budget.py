"""Progress leaves Slack's rate limit room for what matters."""

from hypothesis import given
from hypothesis import strategies as st

from bot.slack.budget import ProgressBudget


@given(st.lists(st.integers(0, 2000), max_size=400))
def test_never_more_than_forty_in_any_minute(pauses_ms: list[int]) -> None:
    now, sent = 0, []
    budget = ProgressBudget(lambda: now)
    for pause in pauses_ms:
        now += pause
        if budget.take("T1"):
            sent.append(now)
    for start in sent:
        assert sum(start <= at < start + 60_000 for at in sent) <= 40


def test_workspaces_do_not_share() -> None:
    budget = ProgressBudget(lambda: 0)
    assert sum(budget.take("T1") for _ in range(100)) == 10
    assert budget.take("T2")


def test_a_pause_is_kept() -> None:
    now = 0
    budget = ProgressBudget(lambda: now)
    budget.pause("T1", 30)
    now = 31_000
    assert not budget.take("T1")
    now = 32_000
    assert budget.take("T1")
