"""The last one to leave: ends the supervisor's children when the supervisor itself is gone.

Owns that promise and nothing else: `python -m bot.guardian` reads which process groups exist from its standard input,
and when that closes (the kernel closes it however the supervisor died, also by kill -9) it asks them to stop, waits a
little and then kills them. Redis is told to be last, so that a worker can still hand its job back. It must not know
what the processes are. Only the standard library, so that it starts at once and stays small.

The lines it reads: `+ <group> <0 or 1>` for a new group (1: ends last), `- <group>` for one that has ended by itself.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

# What runs is in SQLite and done again by the next worker, so a supervisor killed with -9 need not wait for a picture.
GRACE_S = 8.0
_LOOK_S = 0.05


def main() -> int:
    """Read until the supervisor is gone, then end what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, bool] = {}
    for line in sys.stdin:
        match line.split():
            case ["+", group, last]:
                groups[int(group)] = last == "1"
            case ["-", group]:
                groups.pop(int(group), None)
    for is_last in (False, True):
        end([group for group, last in groups.items() if last is is_last], GRACE_S)
    return 0


def end(groups: Iterable[int], grace_s: float) -> None:
    """SIGTERM to these process groups, and SIGKILL to what is there after `grace_s` seconds."""
    left = list(groups)
    for group in left:
        _signal(group, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while (left := [group for group in left if is_alive(group)]) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    for group in left:
        _signal(group, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether the process does anything still; one that has ended and waits for its parent to look does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # The state stands after the name, which is in brackets and may itself hold some.
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] != "Z"
        )
    except (OSError, IndexError):
        return True  # no such table on this system (macOS), or it has just gone: the next look tells


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main())
