"""A bell that a waiting loop listens to: rung, it wakes at once; unrung, after a while.

Owns `Bell`. It knows nothing of what it wakes.
"""

import asyncio


class Bell:
    """Rung from anywhere in the event loop; one loop listens."""

    def __init__(self) -> None:
        """Begin unrung."""
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the listener, now or the next time it listens."""
        self._rung.set()

    def mute(self) -> None:
        """Forget earlier rings; to be called before looking, so that a ring during the look is not missed."""
        self._rung.clear()

    async def listen(self, seconds: float) -> None:
        """Return when rung, at the latest after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
