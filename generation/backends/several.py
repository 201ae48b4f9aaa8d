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
    what the first to fail raised. A cancelled call is cancelled once, so it can tell the provider in its own clean-up.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> T:
        async with gate:
            return await make(number)

    tasks = [asyncio.ensure_future(one(number)) for number in range(count)]
    try:
        # Unlike `gather`, this leaves cancelling to the lines below: a second cancel would end a task's clean-up.
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            # Whoever fails second is looked at too, or asyncio would log it as forgotten.
            _ = task.cancelled() or task.exception()
