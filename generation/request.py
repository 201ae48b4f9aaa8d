"""The nouns of asking: who asks, where the answer goes, and what exactly is to be made.

Owns `Requester`, `ReplyTo`, `Ask`, `GenerationParams`, `GenerationRequest` and `JobOrder`. Pure: it must not know
SQLite, Redis, models' code or a chat SDK. Field names follow diffusers' argument names.
"""

import enum
import hashlib
import re
from dataclasses import dataclass, field

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Platform(enum.StrEnum):
    """Where a request came from and where its answer goes."""

    DISCORD = "discord"
    SLACK = "slack"
    TERMINAL = "terminal"


class Task(enum.StrEnum):
    """What kind of work a request is; where the Hugging Face hub has a pipeline tag for it, that is its name.

    Members can ask for the first so far; the catalogue says of each model which of them it could do.
    """

    TEXT_TO_IMAGE = "text-to-image"
    IMAGE_TO_IMAGE = "image-to-image"
    INPAINT = "inpaint"
    EDIT = "edit"
    UPSCALE = "upscale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """A member of one workspace. `workspace_id` is Discord's guild or Slack's team; ids are the platform's own."""

    platform: Platform
    workspace_id: str
    user_id: str
    role_ids: tuple[str, ...] = ()

    @property
    def workspace(self) -> str:
        """The key of the server or workspace, unique over all platforms."""
        return f"{self.platform}:{self.workspace_id}"

    @property
    def account(self) -> str:
        """The key of the member's quota account, unique over all platforms."""
        return f"{self.workspace}:{self.user_id}"

    @property
    def safety_identifier(self) -> str:
        """The member as a closed provider may know them: a hash, 64 hex digits."""
        return hashlib.sha256(f"tessera:{self.account}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTo:
    """Where the answer goes. `token` is Discord's interaction token: a secret, so it is left out of `repr`.

    `token_expires_at` is in milliseconds since the epoch. `placeholder_id` is the message that is updated in place.
    """

    platform: Platform
    channel_id: str
    thread_id: str | None = None
    placeholder_id: str | None = None
    token: str | None = field(default=None, repr=False)
    token_expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a member asked for, as the adapter read it: nothing checked, nothing filled in.

    `id` is made from the platform's event id (`discord-<interaction id>`, …), so asking twice is asking once.
    `size` is what the member wrote (`512x768`, `square`, …) or None for the model's own; `seed` None means "any".
    """

    id: str
    requester: Requester
    reply_to: ReplyTo
    prompt: str
    model: str | None = None
    size: str | None = None
    seed: int | None = None
    count: int = 1
    created_at: int

    def __post_init__(self) -> None:
        """Raise ValueError for an id that could not name files and keys."""
        if not _ID.fullmatch(self.id):
            raise ValueError("an ask's id is 1 to 100 letters, digits, dots, dashes and underscores")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationParams:
    """The numbers of one picture request, complete: `width` and `height` in pixels, `seed` of the first picture.

    Picture number i (from 0) is made with `seed + i`, so any one of them can be asked for again alone.
    """

    width: int
    height: int
    num_images: int
    seed: int
    num_inference_steps: int | None = None
    guidance_scale: float | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each picture, wrapped into 32 bits."""
        return tuple((self.seed + index) % 2**32 for index in range(self.num_images))


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """An accepted request, frozen: `prompt` is the cleaned text that was checked and that the model will see.

    `instead_of` titles the model that should have made it and was failing, and `seen_by` names the companies that were
    sent the prompt before it came to the present model; both are empty for nearly all.
    """

    id: str
    requester: Requester
    reply_to: ReplyTo
    task: Task = Task.TEXT_TO_IMAGE
    model: str
    pool: str
    prompt: str
    params: GenerationParams
    created_at: int
    instead_of: str = ""
    seen_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """What a worker is told: all that making the picture needs, and neither who asked nor where it goes.

    `attempt` counts the front's enqueues from 1; an outcome belongs to one attempt.
    """

    request_id: str
    attempt: int
    task: Task
    model: str
    pool: str
    prompt: str
    params: GenerationParams
    safety_identifier: str
    accepted_at: int


def order_for(request: GenerationRequest, attempt: int) -> JobOrder:
    """The worker's view of a request."""
    return JobOrder(
        request_id=request.id,
        attempt=attempt,
        task=request.task,
        model=request.model,
        pool=request.pool,
        prompt=request.prompt,
        params=request.params,
        safety_identifier=request.requester.safety_identifier,
        accepted_at=request.created_at,
    )
