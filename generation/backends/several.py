"""Several pictures from a provider that makes one a call: some calls at a time, all of them or none.

Owns `several`. It must not know any provider.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_AT_ONCE = 4

T = TypeVar("T")


async def several(make: Callable[[int], Coroutine[Any, Any, T]], count: int, *, at_once: int = _AT_ONCE) -> list[T]:
    """What `make` gives for 0 to `count` - 1, in that order, with no more than `at_once` of them under way.

    Where one fails or the whole is cancelled, the others are cancelled and have ended before this returns. Raises
    what the first to fail raised.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> T:
        async with gate:
            return await make(number)

    tasks = [asyncio.ensure_future(one(number)) for number in range(count)]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
