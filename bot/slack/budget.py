"""How often the bot may edit a workspace's messages for progress alone.

Owns a token bucket per workspace. Pure but for the clock it is given.

`chat.update` is a Tier 3 method: about 50 calls a minute for each app and workspace (docs.slack.dev, "Rate limits").
Ten at once and then 30 a minute make at most 40 in any minute, which leaves the last words of requests their share.
"""

from collections.abc import Callable

_BURST = 10.0
_PER_MS = 30.0 / 60_000


class ProgressBudget:
    """Counts passing edits; those beyond the budget are to be dropped."""

    def __init__(self, now: Callable[[], int]) -> None:
        """Take a clock in milliseconds."""
        self._now = now
        self._levels: dict[str, tuple[float, int]] = {}

    def take(self, workspace: str) -> bool:
        """Whether one more edit may be sent now; counts it if so."""
        level, now = self._level(workspace), self._now()
        if level < 1:
            return False
        self._levels[workspace] = (level - 1, now)
        return True

    def pause(self, workspace: str, seconds: float) -> None:
        """Slack asked for patience: nothing until it is over, and then slowly."""
        self._levels[workspace] = (0.0, self._now() + round(seconds * 1000))

    def _level(self, workspace: str) -> float:
        level, at = self._levels.get(workspace, (_BURST, self._now()))
        return min(_BURST, level + max(0, self._now() - at) * _PER_MS)
