"""The words around a finished request: the caption under a picture, and the sentence when there is none.

Owns the wording of `generation.result` and of the journal's endings. Pure; adapters escape for their platform.
"""

from collections.abc import Sequence

from bot.wording.numbers import dollars, pictures, seconds
from generation.catalogue import ModelEntry, Openness
from generation.quota import QuotaStatus
from generation.request import GenerationRequest
from generation.result import Failure, FailureKind, Outcome, ProducedImage

_OPENNESS = {
    Openness.OPEN_SOURCE: "open source",
    Openness.OPEN_WEIGHT: "open weight",
    Openness.API_ONLY: "closed, by API",
}


def caption(
    request: GenerationRequest,
    outcome: Outcome,
    shown: Sequence[ProducedImage],
    entry: ModelEntry | None,
    quota: QuotaStatus,
) -> tuple[str, ...]:
    """The lines under the pictures: what made them, who saw the prompt, how to repeat them, what is left.

    `entry` is None for a model that was taken out of the catalogue while it drew; then only its title is known.
    """
    parts = [
        *_what(request, outcome, entry),
        *_seeds(shown),
        seconds(outcome.seconds),
        *_cost(outcome),
        f"{quota.left:,} left" if quota.granted else f"{quota.left_today:,} of {quota.daily:,} left today",
    ]
    lines = [" · ".join(parts), *_stood_in(request, entry), *outcome.notes]
    if hidden := request.params.num_images - len(shown):
        lines.append(f"{pictures(hidden).capitalize()} of {request.params.num_images} not shown. Not charged.")
    return tuple(lines)


def _what(request: GenerationRequest, outcome: Outcome, entry: ModelEntry | None) -> list[str]:
    if entry is None:
        return [outcome.made_by.title if outcome.made_by else request.model]
    return [entry.title, f"{_OPENNESS[entry.openness]}, {entry.licence}", _who_saw(request, entry)]


def _stood_in(request: GenerationRequest, entry: ModelEntry | None) -> list[str]:
    title = entry.title if entry else request.model
    return [f"{request.instead_of} was not answering, so {title} made this."] if request.instead_of else []


def _who_saw(request: GenerationRequest, entry: ModelEntry) -> str:
    before = " and ".join(dict.fromkeys(who for who in request.seen_by if who != entry.prompt_goes_to))
    if entry.stays_here:
        return (
            f"made here, but {before} was sent the prompt first" if before else "made here, nobody else saw the prompt"
        )
    saw = f"made by {entry.prompt_goes_to}, who saw the prompt"
    return f"{saw}, as {before} did before" if before else saw


def _seeds(shown: Sequence[ProducedImage]) -> list[str]:
    seeds = [image.seed for image in shown if image.seed is not None]
    if not seeds:
        return []
    if len(seeds) == 1:
        return [f"seed {seeds[0]}"]
    run = seeds == list(range(seeds[0], seeds[0] + len(seeds)))
    return [f"seeds {seeds[0]}–{seeds[-1]}" if run else "seeds " + ", ".join(map(str, seeds))]


def _cost(outcome: Outcome) -> list[str]:
    cost = outcome.made_by.cost if outcome.made_by else None
    return [dollars(cost)] if cost else []


def failed(failure: Failure | None, entry_title: str, provider: str) -> tuple[str, ...]:
    """Why no picture came, for the member; `provider` is who runs the model ("OpenAI", or "this machine")."""
    kind = failure.kind if failure else FailureKind.INTERNAL
    who = entry_title if provider == "this machine" else provider
    sentence = {
        FailureKind.OWNER_REFUSED: f"{who} declined this prompt. Another wording may work; "
        "we do not pass it to another model.",
        FailureKind.OUTAGE: f"{who} is not answering. Try again later, or with another model.",
        FailureKind.RATE_LIMITED: f"{who} is busy. Try again in a few minutes, or with another model.",
        FailureKind.ACCOUNT: f"{who} takes no requests from here right now. Another model may work.",
        FailureKind.BAD_REPLY: f"{who} sent something that is not a picture. Try again, or with another model.",
        FailureKind.UNSUPPORTED: f"{entry_title} cannot draw this as asked. Another size or model may work.",
        FailureKind.MODEL_MISSING: f"{entry_title} is not to be had here right now. Another model may work.",
        FailureKind.OUT_OF_MEMORY: f"{entry_title} ran out of memory. A smaller size may work.",
        FailureKind.WORKER_LOST: "Drawing this broke off more than once, so it was set aside. Another size may work.",
        FailureKind.TIMEOUT: f"{who} took too long, so this was ended. Try again later.",
        FailureKind.UNSERVED: "Nothing was free to draw this for too long, so it was ended. Try again later.",
        FailureKind.INTERNAL: "Something went wrong on our side. The operator can find it in the log.",
    }[kind]
    return (sentence, "Nothing was charged.")


def held(count: int, hours: int) -> tuple[str, ...]:
    """The pictures are made but must not be shown before somebody looked."""
    made = "The picture is made, but the safety check could not pass it, so it is held back."
    if count > 1:
        made = "The pictures are made, but the safety check could not pass them, so they are held back."
    # Nobody can release one yet: that comes with the review queue, and this sentence with it.
    charge = "It is" if count == 1 else "They are"
    return (made, f"{charge} not charged: your allowance has {pictures(count)} back in {hours} h.")


def withheld(count: int, *, expired: bool) -> tuple[str, ...]:
    """The pictures will not be shown; `expired` means that they were held and nobody let them pass in time."""
    if expired:
        what = "The held picture" if count == 1 else "The held pictures"
        return (f"{what} could not be passed in time and will not be shown.", "Nothing was charged.")
    what = "this picture, so it is" if count == 1 else "these pictures, so they are"
    return (f"The safety check did not pass {what} not shown.", "Nothing was charged.")


def not_shown_here() -> tuple[str, ...]:
    """The pictures passed, but the platform does not take them from the bot in this place."""
    return (
        "The picture is made, but it could not be shown here. A moderator can look at what the app may do here.",
        "Nothing was charged.",
    )


def cancelled() -> tuple[str, ...]:
    """The member cancelled."""
    return ("Cancelled. Nothing was charged.",)


def alt_text(request: GenerationRequest, title: str) -> str:
    """A picture's description for those who do not see it: what was asked for, and that a model drew it."""
    return f"Generated by {title} from: {request.prompt}"[:1000]
