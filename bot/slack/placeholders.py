"""Which message stands for which request, also while it is still being posted.

A request is submitted before its placeholder is posted, so that a refused prompt never shows in public. A fast worker
may finish in between; whoever wants to edit the placeholder then waits here for it. Only memory: what was attached is
in the request itself after a restart. It must not know Slack's API.
"""

import asyncio
from collections import OrderedDict

from generation.request import GenerationRequest

_KEPT = 5000
_PATIENCE_S = 15.0


class Placeholders:
    """Message timestamps (Slack's message ids) by request id."""

    def __init__(self) -> None:
        """Start with none."""
        self._coming: dict[str, asyncio.Future[None]] = {}
        self._known: OrderedDict[str, str] = OrderedDict()

    def expect(self, request_id: str) -> bool:
        """Announce that a placeholder may come. False if that is announced already: the same event came twice."""
        if request_id in self._coming:
            return False
        self._coming[request_id] = asyncio.get_running_loop().create_future()
        return True

    def settle(self, request_id: str, ts: str | None) -> None:
        """Say which message it became; None if there will be none."""
        if ts is not None:
            self._known[request_id] = ts
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        if coming := self._coming.pop(request_id, None):
            coming.set_result(None)

    def now(self, request: GenerationRequest) -> str | None:
        """The placeholder's timestamp if it is posted."""
        return request.reply_to.placeholder_id or self._known.get(request.id)

    async def get(self, request: GenerationRequest) -> str | None:
        """The placeholder's timestamp, after waiting for it if it is on its way; None if there is none."""
        if coming := self._coming.get(request.id):
            await asyncio.wait({coming}, timeout=_PATIENCE_S)
        return self.now(request)
