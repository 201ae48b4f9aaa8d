"""What a picture detector looks like.

Owns the `ImageCheck` protocol and its answers. A detector detects and never decides: `moderation.policy` turns its
findings into a verdict. To add one: a file here that keeps the protocol, its name in `generation.worker`'s wiring,
and a case in `tests/contracts/test_image_checks.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Finding:
    """A category by OpenAI's names (`sexual`, `violence/graphic`, …), its score from 0 to 1, the detector's opinion."""

    category: str
    score: float
    flagged: bool


class CheckError(Exception):
    """The detector could not look: not there, timed out, or answered nonsense. Never a pass."""


class ImageCheck(Protocol):
    """One detector over pictures."""

    @property
    def name(self) -> str:
        """How the detector is named in stored reasons."""

    async def check(self, images: Sequence[bytes]) -> Sequence[Sequence[Finding]]:
        """Look at each encoded picture (PNG, JPEG or WebP bytes) and return its findings, in the same order.

        Raises `CheckError` when it could not look at all of them.
        """

    async def aclose(self) -> None:
        """Free what is held."""
