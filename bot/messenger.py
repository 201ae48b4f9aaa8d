"""What the front can tell a member, whatever the platform.

Owns the `Messenger` protocol, the values handed to it and the two ways telling can fail. Delivery and progress know
platforms only through this; each adapter has one implementation. To add a platform: implement `Messenger`, run it
through `tests/contracts/test_messengers.py`, and name it in `bot.compose`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from generation.request import GenerationRequest


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to show: exactly these bytes. `filename` is unique to request and place in it, so it can be found."""

    filename: str
    data: bytes
    media_type: str
    alt_text: str
    spoiler: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The last word on a request: plain sentences and, if all went well, pictures.

    Text is plain, not markup: a messenger escapes it for its platform. `prompt` is quoted by the messenger, which
    escapes and shortens it. `private` asks for a message only the member sees, where the platform can still do that.
    """

    lines: tuple[str, ...]
    prompt: str
    pictures: tuple[Picture, ...] = ()
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What delivery keeps between attempts at the same message, so that a repeated attempt is not a second message.

    `marks` is what the messenger noted at earlier attempts (ids of uploaded files, of a message sent); `note` stores
    more of them durably before it returns. `attempt` counts from 1; above 1 means an earlier attempt may have got
    through without our knowing, so look before sending again.
    """

    attempt: int
    marks: Mapping[str, str] = field(default_factory=dict)
    note: Callable[[Mapping[str, str]], Awaitable[None]]


class Undeliverable(Exception):
    """The member can not be told this here: channel gone, bot removed, permission missing. Final.

    `told`: the messenger has told the member so in other words, or may have shown them the message after all; then
    nothing more may be said. The text is for operators: no token, no prompt.
    """

    def __init__(self, detail: str, *, told: bool = False) -> None:
        """Keep a sentence for operators, and whether anything more may be said."""
        super().__init__(detail)
        self.told = told


class TryAgain(Exception):
    """The platform is busy or down; try later. `after_s` is the platform's own wish, if it had one."""

    def __init__(self, detail: str, after_s: float | None = None) -> None:
        """Keep a sentence for operators and the seconds to wait."""
        super().__init__(detail)
        self.after_s = after_s


class Messenger(Protocol):
    """One platform's way of telling a member."""

    @property
    def progress_interval_s(self) -> float:
        """The shortest time between two `progress` calls for one request that the platform's limits allow."""

    async def progress(self, request: GenerationRequest, line: str, percent: int | None) -> None:
        """Show a passing line in the placeholder; lose it quietly when the platform is busy, never raise for that.

        `percent` is how far the drawing is, for platforms that can show a bar, and None while it has not begun.
        """

    async def deliver(self, request: GenerationRequest, message: Message, receipt: Receipt) -> str:
        """Tell the member, at most once however often this is called with the same request; return the message's id.

        Raises `Undeliverable` or `TryAgain`.
        """
