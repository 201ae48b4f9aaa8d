"""Several calls at a time: their order, how many at once, and what becomes of the rest when one fails."""

import asyncio
import gc

import pytest

from generation.backends.remote import several


async def test_what_is_made_comes_in_order_and_no_more_than_a_few_at_once() -> None:
    under_way: list[int] = []
    most = 0

    async def make(number: int) -> int:
        nonlocal most
        under_way.append(number)
        most = max(most, len(under_way))
        for _ in range(5 - number):
            await asyncio.sleep(0)
        under_way.remove(number)
        return number * number

    assert await several(make, 5, at_once=2) == [0, 1, 4, 9, 16]
    assert most == 2


class _Calls:
    """Calls that wait for ever, but for number 1 where it shall fail, and take their time to clean up."""

    def __init__(self, *, fail: bool) -> None:
        self.fail = fail
        self.begun: list[int] = []
        self.cleaned: list[int] = []

    async def make(self, number: int) -> int:
        self.begun.append(number)
        if self.fail and number == 1:
            raise ValueError(number)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            self.cleaned.append(number)
        return number


async def test_one_that_fails_ends_the_others_after_their_clean_up() -> None:
    calls = _Calls(fail=True)

    with pytest.raises(ValueError, match="1"):
        await several(calls.make, 5, at_once=3)

    assert calls.begun[:2] == [0, 1]
    assert set(calls.cleaned) == set(calls.begun) - {1}


async def test_cancelling_ends_all_after_their_clean_up() -> None:
    calls = _Calls(fail=False)
    work = asyncio.create_task(several(calls.make, 3))
    while len(calls.begun) < 3:
        await asyncio.sleep(0)

    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    assert sorted(calls.cleaned) == [0, 1, 2]


async def test_of_two_that_fail_neither_is_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    async def make(number: int) -> int:
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"\d"):
        await several(make, 2)
    gc.collect()

    assert not caplog.records
