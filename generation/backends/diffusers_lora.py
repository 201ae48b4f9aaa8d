"""Putting a LoRA into a loaded pipeline: a style or a subject learnt on top of a model, in one small file.

Owns the entry's arguments `lora` (the name of one that is shipped, or the path of a safetensors file) and `lora_scale`,
and the word on it that makes a picture replayable. Runs in the device's thread. It must not know requests or prompts.
"""

import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.catalogue import ModelEntry
from generation.errors import ModelMissing
from generation.shipped import shipped_lora

_SUFFIX = ".safetensors"
_LEADS_UP = re.compile(r"lora[._](B|up)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """One LoRA as an entry asks for it; at a `scale` of 1 it changes as much as it was trained to."""

    file: Path
    scale: float

    def revision(self) -> str:
        """The SHA-256 of the file and the scale."""
        return f"lora sha256:{hashlib.sha256(self.file.read_bytes()).hexdigest()} scale {self.scale:g}"


def find_lora(entry: ModelEntry) -> Lora | None:
    """The LoRA the entry names, None where it names none. Raises `ModelMissing` where there is no such file."""
    named = entry.arguments.get("lora")
    if named is None:
        return None
    file = _file(entry, str(named))
    if not file.is_file():
        raise ModelMissing(f"The LoRA of {entry.title} is not at {file}: there is no such file.")
    return Lora(file=file, scale=_scale(entry))


def apply_lora(pipe: Any, entry: ModelEntry, lora: Lora) -> None:  # noqa: ANN401 - diffusers has no types
    """Merge the LoRA into the pipeline's weights, so that drawing with it takes no longer than without.

    Raises `ModelMissing` for a pipeline that takes none and a file that is none for it; what torch says of full memory
    passes through.
    """
    if not hasattr(pipe, "load_lora_weights"):
        raise ModelMissing(f"{entry.title} has a LoRA in its arguments, but {type(pipe).__name__} takes none.")
    from safetensors import SafetensorError

    try:
        _merge(pipe, lora)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ImportError, SafetensorError) as error:
        raise _does_not_fit(entry, lora, error) from error
    except RuntimeError as error:
        # torch names weights of other shapes in a plain RuntimeError, as it does much else.
        if "size mismatch" not in str(error):
            raise
        raise _does_not_fit(entry, lora, error) from error


def _merge(pipe: Any, lora: Lora) -> None:  # noqa: ANN401 - as above
    pipe.load_lora_weights(str(lora.file.parent), weight_name=lora.file.name, use_safetensors=True)
    # What is for another kind of model, or named in another way, is passed over by diffusers in silence.
    taken, held = _corrected_layers(pipe), _layers_in(lora.file)
    if not taken or taken < held:
        raise ValueError(f"{taken} of its {held} layers fit")
    pipe.fuse_lora(lora_scale=lora.scale, safe_fusing=True)
    pipe.unload_lora_weights()


def _corrected_layers(pipe: Any) -> int:  # noqa: ANN401 - as above
    models = [part for part in pipe.components.values() if hasattr(part, "named_parameters")]
    return sum(".lora_B." in name for model in models for name, _ in model.named_parameters())


def _layers_in(file: Path) -> int:
    """How many layers the file corrects: each has one weight that leads back up, whatever the layout calls it."""
    from safetensors import safe_open

    with safe_open(file, framework="pt") as weights:
        return sum(_LEADS_UP.search(name) is not None for name in weights.keys())  # noqa: SIM118 - it is no mapping


def _does_not_fit(entry: ModelEntry, lora: Lora, error: Exception) -> ModelMissing:
    # No prompt is known to anybody at this point, so the library's own words are safe for the operator to read.
    words = (str(error).strip().splitlines() or [""])[0][:200]
    return ModelMissing(f"{lora.file} is no LoRA for {entry.title}: {type(error).__name__}: {words}")


def _file(entry: ModelEntry, named: str) -> Path:
    if named.endswith(_SUFFIX):
        return Path(named).expanduser()
    try:
        return shipped_lora(named)
    except ValueError:
        raise ModelMissing(
            f"The LoRA of {entry.title} is “{named}”: neither a shipped one's name nor a path that ends in {_SUFFIX}."
        ) from None


def _scale(entry: ModelEntry) -> float:
    asked = entry.arguments.get("lora_scale", 1.0)
    try:
        scale = float(asked)
    except ValueError:
        scale = math.nan
    if not math.isfinite(scale):
        raise ModelMissing(f"lora_scale of {entry.title} is “{asked}”; it is a number such as 0.8.")
    return scale
