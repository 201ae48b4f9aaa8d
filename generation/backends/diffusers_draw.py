"""One order drawn by one loaded pipeline: which arguments it takes, how it reports, what it could not do.

Owns the call. Runs in the device's thread, but for `to_png`. It must not know where pipelines come from or where
pictures go.

Pictures are drawn one at a time unless the entry's `batch` argument says otherwise: at a megapixel one picture fills
the device anyway (facts/performance.md §0.1), and a picture drawn alone is the same, byte for byte, when it is asked
for again alone. Drawn together they may differ in small details, and then the notes say so.
"""

import inspect
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from generation.backends.base import Watch
from generation.backends.enlarge import enlarge
from generation.backends.understood import understood
from generation.catalogue import ModelEntry
from generation.errors import UnsupportedRequest
from generation.request import GenerationParams, JobOrder

_LIMITLESS = 100_000


@dataclass(frozen=True, slots=True)
class Drawn:
    """Raw pictures in the order of their seeds (None where the pipeline takes none), and remarks for the member.

    Width and height are yet to be multiplied by `enlarge`.
    """

    pictures: tuple[Any, ...]
    seeds: tuple[int | None, ...]
    notes: tuple[str, ...]
    enlarge: int


def draw(pipe: Any, entry: ModelEntry, order: JobOrder, watch: Watch) -> Drawn:  # noqa: ANN401 - diffusers has no types
    """Draw the order's pictures, reporting each step.

    The entry's `enlarge` argument says how many times smaller than ordered the pipeline draws; `to_png` enlarges.
    Raises `UnsupportedRequest` for a pipeline or a size that cannot be, `GenerationCancelled` between steps.
    """
    takes = inspect.signature(pipe.__call__).parameters
    times = max(1, int(entry.arguments.get("enlarge", 1)))
    _check_possible(pipe, takes, entry, order.params, times)
    batch = _batch(entry, takes)
    groups = [order.params.seeds[at : at + batch] for at in range(0, len(order.params.seeds), batch)]
    pictures: list[Any] = []
    for number, seeds in enumerate(groups):
        watch.check()
        report = _Report(pipe, watch, done_groups=number, groups=len(groups))
        made = pipe(**_arguments(takes, order, seeds, times), **report.arguments(takes))
        pictures += list(made.images if hasattr(made, "images") else made[0])
        if len(pictures) != sum(map(len, groups[: number + 1])):
            raise UnsupportedRequest(f"{entry.title} made another number of pictures than it was asked for.")
    seeds_taken = order.params.seeds if "generator" in takes else (None,) * len(order.params.seeds)
    notes = _notes(pipe, takes, entry, order, together=any(len(g) > 1 for g in groups))
    return Drawn(tuple(pictures), seeds_taken, notes, times)


def to_png(picture: Any, times: int = 1) -> bytes:  # noqa: ANN401 - an array of floats 0..1 (height, width, 1 or 3 or 4) or a PIL picture
    """Encode a picture as PNG, `times` as wide and high; numbers that are none become black instead of an error."""
    if not isinstance(picture, Image.Image):
        values = np.nan_to_num(np.asarray(picture, dtype=np.float32), nan=0.0, posinf=1.0, neginf=0.0)
        levels = (np.clip(values, 0.0, 1.0) * 255).round().astype(np.uint8)
        picture = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    buffer = io.BytesIO()
    enlarge(picture, times).save(buffer, format="PNG")
    return buffer.getvalue()


class _Report:
    """Progress of one call in the pipeline's own way of telling it, counted over all of the order's calls."""

    def __init__(self, pipe: Any, watch: Watch, *, done_groups: int, groups: int) -> None:  # noqa: ANN401 - as above
        self._pipe = pipe
        self._watch = watch
        self._done_groups = done_groups
        self._groups = groups

    def arguments(self, takes: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
        """What to pass so that the pipeline reports; for one that never does, only the stage is told."""
        if not self._done_groups:
            self._watch.stage("drawing")
        if "callback_on_step_end" in takes:
            return {"callback_on_step_end": self._step_end}
        if "callback" in takes and "callback_steps" in takes:
            return {"callback": self._legacy_step, "callback_steps": 1}
        return {}

    def _step_end(self, pipe: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401, ARG002 - diffusers' signature
        self._tell(step)
        return values

    def _legacy_step(self, step: int, timestep: Any, latents: Any) -> None:  # noqa: ANN401, ARG002 - diffusers' signature
        self._tell(step)

    def _tell(self, step: int) -> None:
        steps = getattr(self._pipe, "num_timesteps", None) or len(getattr(self._pipe.scheduler, "timesteps", ()))
        # Some schedulers report more steps than they promised; the count never runs over.
        steps = max(int(steps), step + 1)
        self._watch.step(self._done_groups * steps + step + 1, self._groups * steps)


def _check_possible(
    pipe: Any,  # noqa: ANN401 - as above
    takes: Mapping[str, inspect.Parameter],
    entry: ModelEntry,
    params: GenerationParams,
    times: int,
) -> None:
    stars = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    wanted = [name for name, p in takes.items() if p.default is inspect.Parameter.empty and p.kind not in stars]
    if "prompt" not in takes or set(wanted) - {"prompt"}:
        raise UnsupportedRequest(f"{entry.title} is no text-to-image pipeline.")
    factor = getattr(pipe, "vae_scale_factor", 8)
    factor = times * (factor if isinstance(factor, int) and factor > 0 else 1)
    if params.width % factor or params.height % factor:
        raise UnsupportedRequest(f"{entry.title} draws only sizes that {factor} divides.")


def _batch(entry: ModelEntry, takes: Mapping[str, inspect.Parameter]) -> int:
    batch = int(entry.arguments.get("batch", 1))
    return max(1, batch) if "num_images_per_prompt" in takes else 1


def _arguments(
    takes: Mapping[str, inspect.Parameter], order: JobOrder, seeds: Sequence[int], times: int
) -> dict[str, Any]:
    """The call's arguments: what the order asks for, as far as the pipeline takes it."""
    import torch

    # Noise is drawn on the CPU, one generator a picture, so that a seed means the same on every device and in a batch.
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    params = order.params
    offered: dict[str, Any] = {
        "prompt": order.prompt,
        "width": params.width // times,
        "height": params.height // times,
        "num_inference_steps": params.num_inference_steps,
        "guidance_scale": params.guidance_scale,
        "num_images_per_prompt": len(seeds),
        "generator": generators if len(seeds) > 1 else generators[0],
        "output_type": "np",
    }
    return {name: value for name, value in offered.items() if name in takes and value is not None}


def _notes(
    pipe: Any,  # noqa: ANN401 - as above
    takes: Mapping[str, inspect.Parameter],
    entry: ModelEntry,
    order: JobOrder,
    *,
    together: bool,
) -> tuple[str, ...]:
    params, title = order.params, entry.title
    remarks = [
        ("width" not in takes or "height" not in takes, f"{title} chooses the size itself."),
        ("generator" not in takes, f"{title} takes no seed."),
        (
            params.guidance_scale is not None and "guidance_scale" not in takes,
            f"Drawn without guidance: {title} takes none.",
        ),
        (
            params.num_inference_steps is not None and "num_inference_steps" not in takes,
            f"{title} chooses the number of steps itself.",
        ),
        (together, "Drawn together; one of these asked for again alone may differ in small details."),
    ]
    read = _characters_read(pipe, takes, order.prompt)
    remarks.append((read < len(order.prompt), f"{title} read the first {read} of {len(order.prompt)} characters."))
    return (*understood(entry, order.prompt, read), *(sentence for applies, sentence in remarks if applies))


def _characters_read(pipe: Any, takes: Mapping[str, inspect.Parameter], prompt: str) -> int:  # noqa: ANN401 - as above
    """How many characters of the prompt fit into the most patient of the pipeline's tokenizers."""
    tokenizers = [getattr(pipe, name, None) for name in ("tokenizer", "tokenizer_2", "tokenizer_3", "tokenizer_4")]
    usable = [tokenizer for tokenizer in tokenizers if tokenizer is not None and getattr(tokenizer, "is_fast", False)]
    return max((_fitting(tokenizer, takes, prompt) for tokenizer in usable), default=len(prompt))


def _fitting(tokenizer: Callable[..., Mapping[str, Any]], takes: Mapping[str, inspect.Parameter], prompt: str) -> int:
    limit = int(getattr(tokenizer, "model_max_length", _LIMITLESS))
    longest = takes["max_sequence_length"].default if "max_sequence_length" in takes else None
    # CLIP's limit is its position table; the others read as much as the pipeline lets them.
    if isinstance(longest, int) and "CLIP" not in type(tokenizer).__name__:
        limit = longest
    if limit >= _LIMITLESS:
        return len(prompt)
    spans = tokenizer(prompt, truncation=True, max_length=limit, return_offsets_mapping=True)["offset_mapping"]
    end = max((int(stop) for _, stop in spans), default=0)
    # What follows the last token that was read is read too when it is only white space.
    return len(prompt) if not prompt[end:].strip() else end
