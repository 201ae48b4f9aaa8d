"""Reading what an AUTOMATIC1111 web UI answers: refusals, checkpoints, how far it is, and pictures with their seeds.

Owns the way from its answers to our error tree and to `EncodedImage`s. Pure. It must not know the network. No message
here quotes the web UI's own text: it can hold pieces of a prompt. The sources are named in `automatic1111`.
"""

import json
from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Any

from generation.backends.base import EncodedImage
from generation.backends.remote import decoded, picture
from generation.backends.rest import Answer
from generation.errors import BadReply, GenerationError, ModelMissing, OutOfMemory


def understand(answer: Answer) -> GenerationError | None:
    """By the names of AUTOMATIC1111's own errors; None leaves it to the status."""
    told = answer.content() or {}
    if told.get("detail") == "Sampler not found":
        return ModelMissing(f"{answer.who} does not know the sampler that is asked for (arguments.sampler).")
    if answer.status == 404:
        return ModelMissing(f"{answer.who} has no API there: start it with --api, and see to AUTOMATIC1111_BASE_URL.")
    if told.get("error") == "OutOfMemoryError":
        return OutOfMemory(f"{answer.who} ran out of its device's memory.")
    if told.get("error") == "NansException":
        return BadReply(f"{answer.who} computed a picture of no numbers (NansException).")
    return None


def names_of(checkpoint: Mapping[str, Any]) -> set[str]:
    """All that a listed checkpoint is called: title with and without its hash, names of itself and of its file."""
    title, path = str(checkpoint.get("title")), PureWindowsPath(str(checkpoint.get("filename") or ""))
    known = (checkpoint.get(name) for name in ("model_name", "hash", "sha256"))
    names = {title, title.partition(" [")[0], path.name, path.stem, *known}
    return {name for name in names if isinstance(name, str) and name}


def check_checkpoint(who: str, checkpoint: Mapping[str, Any], info: Mapping[str, Any]) -> None:
    """Raise `ModelMissing` where the info says that another checkpoint drew."""
    drew = info.get("sd_model_name")
    if isinstance(drew, str) and drew and drew not in names_of(checkpoint):
        raise ModelMissing(f"{who} drew with another checkpoint than it was asked to (arguments.checkpoint).")


def read_answer(answer: Answer, asked: int) -> tuple[tuple[EncodedImage, ...], Mapping[str, Any]]:
    """The pictures with the seeds that drew them, without a sheet in front or drafts behind; and the info.

    Raises `BadReply` where there are no pictures.
    """
    content = answer.json()
    info = _info(content.get("info"))
    first, images = info.get("index_of_first_image"), content.get("images")
    first = first if type(first) is int and first > 0 else 0
    taken = images[first : first + asked] if isinstance(images, list) else []
    if not taken:
        raise BadReply(f"{answer.who}'s answer holds no pictures.")
    seeds = info.get("all_seeds")
    known = [_seed(seed) for seed in seeds] if isinstance(seeds, list) and len(seeds) >= len(taken) else [None] * asked
    return tuple(
        picture(decoded(_bare(text), answer.who), answer.who, seed) for text, seed in zip(taken, known, strict=False)
    ), info


def _info(text: object) -> Mapping[str, Any]:
    """The info is JSON in a string; nothing is known where it is not."""
    try:
        info = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return {}
    return info if isinstance(info, dict) else {}


def _seed(reported: object) -> int | None:
    return reported if type(reported) is int and 0 <= reported < 2**32 else None


def _bare(text: object) -> object:
    """The base64 alone; early versions wrote `data:image/png;base64,` before it."""
    return text.partition(",")[2] if isinstance(text, str) and text.startswith("data:") else text


def fraction(told: object) -> float:
    """A share from 0 to 1, and 0 for anything else (NaN is below no number)."""
    return float(told) if isinstance(told, (int, float)) and 0 <= told <= 1 else 0.0


def done_of(state: Mapping[str, Any]) -> float:
    """How much is done by the state's counts of jobs and steps, 0 to 1; 0 where they are no counts."""
    jobs, job, steps, step = (state.get(name) for name in ("job_count", "job_no", "sampling_steps", "sampling_step"))
    if any(type(count) is not int for count in (jobs, job, steps, step)) or not jobs or not steps:
        return 0.0
    return fraction((job + step / steps) / jobs)
