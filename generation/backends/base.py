"""What every way of making a picture looks like to the worker.

Owns the `Backend` protocol, `Generated` and `Watch`. To add a backend: write one file here with a class that keeps
this protocol, name it in `registry`, and add it to the contract test in `tests/contracts/test_backends.py`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from generation.catalogue import ModelEntry
from generation.errors import GenerationCancelled
from generation.request import JobOrder
from generation.result import MadeBy


class Watch:
    """The worker's ear and hand on a running generation; safe to use from any thread.

    A backend calls `stage` and `step` as it goes and `check` between steps; `cancel` may be called at any time.
    """

    def __init__(self, report: Callable[[str, int, int], None]) -> None:
        """Take the function that hears of (stage, steps done, steps in all); it must be safe to call anywhere."""
        self._report = report
        self._cancelled = threading.Event()

    def stage(self, name: str) -> None:
        """Say what is being done: `loading`, `drawing`, …"""
        self._report(name, 0, 0)

    def step(self, done: int, total: int) -> None:
        """Say that `done` of `total` steps are finished, and leave if the work was cancelled meanwhile."""
        self._report("drawing", done, total)
        self.check()

    def cancel(self) -> None:
        """Ask the generation to stop at its next step."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise `GenerationCancelled` if somebody asked to stop."""
        if self.cancelled:
            raise GenerationCancelled


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """One picture as the bytes that will be checked, stored and delivered; a provider's bytes are kept as they came."""

    data: bytes
    media_type: str
    seed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """What a backend made: pictures in the order of the request's seeds, what made them, and honest remarks.

    `notes` are sentences for the member about what the model could not do as asked ("takes no seed").
    """

    images: tuple[EncodedImage, ...]
    made_by: MadeBy
    notes: tuple[str, ...] = ()


class Backend(Protocol):
    """One way of making pictures."""

    @property
    def name(self) -> str:
        """The name catalogue entries use in `backend`."""

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Make the pictures.

        Raises a `generation.errors.GenerationError` when it cannot and `GenerationCancelled` when asked to stop.
        """

    async def aclose(self) -> None:
        """Free what is held: device memory, connections, threads."""
