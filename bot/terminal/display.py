"""How waiting looks in a terminal: a bar where somebody watches, plain lines where a file or a pipe does.

Owns the passing part only, on standard error; what came of the request is the caller's to print.
"""

import re
import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

_LINE_S = 2.0


class Display(Protocol):
    """Shows passing lines inside its context."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""

    def show(self, line: str, percent: int | None) -> None:
        """Show how far it is; `percent` None before the drawing has begun."""

    def note(self, line: str) -> None:
        """Say something that stays."""


class Bar:
    """One line with a bar that is rewritten in place."""

    def __init__(self, console: Console) -> None:
        """Draw on this console."""
        self._progress = Progress(
            BarColumn(bar_width=28), TextColumn("{task.description}", markup=False), console=console, transient=True
        )
        self._task: TaskID = self._progress.add_task("", total=None)

    def __enter__(self) -> Self:
        """Begin."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._progress.stop()

    def show(self, line: str, percent: int | None) -> None:
        """Rewrite the line; the bar only ever grows."""
        if percent is None:
            self._progress.update(self._task, description=line)
        else:
            self._progress.update(self._task, description=line, total=100, completed=percent)

    def note(self, line: str) -> None:
        """Print above the bar."""
        self._progress.console.print(line, markup=False, highlight=False)


class Lines:
    """A new line whenever something else is said, and now and then for numbers that move."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._said, self._at = "", 0.0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to leave."""

    def show(self, line: str, percent: int | None) -> None:
        """Print the line unless it is only the last one with another number, a moment later."""
        del percent
        words, now = re.sub(r"[\d.,]+", "", line), time.monotonic()
        if words != self._said or now - self._at >= _LINE_S:
            self._said, self._at = words, now
            self.note(line)

    def note(self, line: str) -> None:
        """Print it."""
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


class Nothing:
    """For programs that read only the result."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to leave."""

    def show(self, line: str, percent: int | None) -> None:
        """Say nothing."""

    def note(self, line: str) -> None:
        """Say nothing."""


def for_terminal() -> Display:
    """A bar if standard error is a terminal, else plain lines."""
    console = Console(stderr=True)
    return Bar(console) if console.is_terminal and not console.is_dumb_terminal else Lines()
