"""Drawing with the starter model as its catalogue entry has it, for judging it and for showing it.

Owns the stock pipeline's call. It must not know what is done with the pictures. Members' orders do not come this way:
they go through `generation.backends.diffusers`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from generation.catalogue import load_entries
from generation.errors import ModelMissing

MODEL = Path(__file__).parent / "model"
BATCH = 8
"""How many pictures are drawn together: more fills the memory of a small machine and is hardly faster."""

_REMEDY = "Make it with: python -m generation.starter.train"


class Artist:
    """The starter model, loaded."""

    def __init__(self, pipe: Any, steps: int | None) -> None:  # noqa: ANN401 - diffusers ships no types
        entry = next(entry for entry in load_entries() if entry.id == "starter")
        self._pipe = pipe
        self._how = {"num_inference_steps": steps or entry.num_inference_steps, "guidance_scale": entry.guidance_scale}

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        """One picture for each prompt and its seed, 128 by 128 pixels, all drawn together."""
        import torch

        # Noise from the CPU is the same on every device.
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        made: list[Image.Image] = self._pipe(list(prompts), generator=generators, **self._how).images
        return made


def load_artist(model: Path = MODEL, steps: int | None = None) -> Artist:
    """The model in a folder, on CUDA where there is one; `steps` instead of the catalogue's number of them.

    Raises `ModelMissing` where the folder holds no whole pipeline.
    """
    if not (model / "model_index.json").is_file():
        raise ModelMissing(f"There is no model in {model}. {_REMEDY}")
    import torch
    from diffusers import StableDiffusionPipeline
    from safetensors import SafetensorError

    from generation.starter.course import device

    try:
        pipe = StableDiffusionPipeline.from_pretrained(model, local_files_only=True, dtype=torch.float32)
    except (OSError, SafetensorError) as error:
        raise ModelMissing(
            f"The model in {model} is not whole. Make it: python -m generation.starter.train."
        ) from error
    pipe.set_progress_bar_config(disable=True)
    return Artist(pipe.to(device()), steps)
