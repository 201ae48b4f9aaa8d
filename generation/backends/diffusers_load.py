"""Finding and loading diffusers pipelines: a folder, a hub id, or one that ships with this package.

Owns what may be loaded (stock pipeline classes, safetensors, no code from a repository), device and type of numbers,
and the description that makes a picture replayable. Runs in the device's thread. It must not know requests or prompts.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.backends.diffusers_lora import apply_lora, find_lora
from generation.catalogue import ModelEntry
from generation.errors import ModelMissing, OutOfMemory
from generation.secrets import read_secret
from generation.shipped import shipped_model

_LIBRARIES = ("diffusers", "torch", "transformers")
# Hashing this much takes a few hundredths of a second.
_SMALL_BYTES = 32_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPipeline:
    """A pipeline on its device, and what is to be said about it.

    `revision` is a hub commit or `sha256:…`; with a LoRA, `; lora sha256:… scale …` stands behind it.
    """

    pipe: Any
    revision: str
    device: str
    dtype: str
    scheduler: str | None
    versions: tuple[tuple[str, str], ...]


def load_pipeline(entry: ModelEntry, device: str | None) -> LoadedPipeline:
    """Load what the entry's arguments name.

    Arguments: one of `shipped`, `folder` or `repo` (a hub id or a folder), and optionally `revision`, `variant`,
    `device`, `dtype`, `lora` and `lora_scale`. Raises `ModelMissing` with a sentence for the operator, and
    `OutOfMemory`.
    """
    from diffusers import DiffusionPipeline

    _hush()
    folder, lora = _find(entry), find_lora(entry)
    index = _read_index(folder)
    chosen_device, dtype = choose_device(_text(entry, "device") or device, _text(entry, "dtype"))
    try:
        pipe = DiffusionPipeline.from_pretrained(
            str(folder), dtype=dtype, use_safetensors=True, **_variant(entry), **_without_checker(index)
        )
        if lora is not None:
            apply_lora(pipe, entry, lora)
        pipe.to(chosen_device)
    except ModelMissing:
        raise
    except Exception as error:
        raise _load_problem(entry, error) from error
    pipe.set_progress_bar_config(disable=True)
    scheduler = getattr(pipe, "scheduler", None)
    return LoadedPipeline(
        pipe=pipe,
        revision="; ".join([_revision(folder), *([lora.revision()] if lora else [])]),
        device=chosen_device,
        dtype=str(dtype).removeprefix("torch."),
        scheduler=type(scheduler).__name__ if scheduler is not None else None,
        versions=tuple((library, importlib.metadata.version(library)) for library in _LIBRARIES),
    )


def import_libraries() -> None:
    """Import what drawing needs, which takes seconds, and tell it to be quiet."""
    _hush()
    # These bring in most of what any pipeline needs; the names alone load next to nothing.
    from diffusers import DiffusionPipeline, ModelMixin  # noqa: F401 - importing is the point
    from transformers import CLIPTextModel, CLIPTokenizer  # noqa: F401 - as above


def choose_device(device: str | None, dtype: str | None) -> tuple[str, Any]:
    """The device and torch type to use: what was asked for, else the best there is.

    bfloat16 where CUDA has it, else float16 on a GPU and float32 on a CPU, which computes halves slowly.
    """
    import torch

    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if dtype is not None:
        chosen = getattr(torch, dtype, None)
        if not isinstance(chosen, torch.dtype):
            raise ModelMissing(f"“{dtype}” is no type of numbers torch knows; try float32, float16 or bfloat16.")
        return device, chosen
    if device.startswith("cuda"):
        return device, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return device, torch.float16 if device.startswith("mps") else torch.float32


def out_of_memory(error: BaseException) -> bool:
    """Whether this is a device or a machine that ran out of memory, in any of torch's ways of saying so."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in words or "can't allocate memory" in words)


def free_device_memory() -> None:
    """Give memory of dropped pipelines back to the device."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _hush() -> None:
    """Keep the libraries from writing prompts to the log: diffusers warns about a truncated prompt by quoting it."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()


def _text(entry: ModelEntry, name: str) -> str | None:
    value = entry.arguments.get(name)
    return None if value is None else str(value)


def _variant(entry: ModelEntry) -> dict[str, str]:
    variant = _text(entry, "variant")
    return {"variant": variant} if variant else {}


def _find(entry: ModelEntry) -> Path:
    shipped, folder, repo = (_text(entry, name) for name in ("shipped", "folder", "repo"))
    if shipped is not None:
        return _find_shipped(entry, shipped)
    source = folder or repo
    if source is None:
        raise ModelMissing(f"The catalogue entry “{entry.id}” names no folder and no repo to load.")
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if folder is not None or source.count("/") != 1 or source.startswith((".", "~")):
        raise ModelMissing(f"{entry.title} is not at {source}: there is no such folder.")
    return _fetch(entry, source)


def _find_shipped(entry: ModelEntry, name: str) -> Path:
    folder = shipped_model(name)
    if folder is None:
        raise ModelMissing(f"The catalogue entry “{entry.id}” wants the shipped model “{name}”; none is called so.")
    if not (folder / "model_index.json").is_file():
        raise ModelMissing(
            f"{entry.title} comes with the package, but its weights are not in {folder}: install the package again, or "
            "make them with python -m generation.starter.train."
        )
    return folder


def _fetch(entry: ModelEntry, repo: str) -> Path:
    """The hub repository as a folder of the local cache, downloaded where it is not there yet."""
    import httpx2
    from diffusers import DiffusionPipeline
    from huggingface_hub import errors

    try:
        return Path(
            DiffusionPipeline.download(
                repo,
                revision=_text(entry, "revision"),
                use_safetensors=True,
                token=read_secret("HF_TOKEN"),
                # It is not loaded (see `_without_checker`), so it need not travel: more than a gigabyte in some.
                safety_checker=None,
                **_variant(entry),
            )
        )
    except errors.GatedRepoError as error:
        raise ModelMissing(f"{repo} is gated: accept its licence on the hub and give the worker HF_TOKEN.") from error
    except errors.RepositoryNotFoundError as error:
        raise ModelMissing(f"The hub has no {repo}, or it is private and HF_TOKEN is missing.") from error
    except (OSError, ValueError, httpx2.HTTPError) as error:
        raise ModelMissing(
            f"{repo} is not on this machine and could not be fetched ({type(error).__name__}). Check the network and "
            "the name, or put the folder here and name it in the entry's arguments."
        ) from error


def _read_index(folder: Path) -> Mapping[str, Any]:
    """The folder's `model_index.json`, if it names a stock text-to-image pipeline made of stock parts."""
    import diffusers

    path = folder / "model_index.json"
    try:
        index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelMissing(f"There is no diffusers pipeline in {folder}: model_index.json is missing.") from error
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{path} cannot be read.") from error
    name = index.get("_class_name") if isinstance(index, dict) else None
    kind = getattr(diffusers, name, None) if isinstance(name, str) else None
    if not (isinstance(kind, type) and issubclass(kind, diffusers.DiffusionPipeline)):
        raise ModelMissing(f"{path} names no pipeline class of diffusers; code from a repository is never run.")
    strange = [part for part, value in index.items() if not part.startswith("_") and not _stock(value)]
    if strange:
        raise ModelMissing(f"{path} wants code from elsewhere for {', '.join(strange)}; it is never run.")
    return index


def _stock(value: object) -> bool:
    """Whether a component is a plain setting, absent, or a class of diffusers or transformers."""
    import diffusers.pipelines

    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(v, str | None) for v in value)):
        return not isinstance(value, list | dict)
    library = value[0]
    return library in {None, "diffusers", "transformers"} or hasattr(diffusers.pipelines, str(library))


def _without_checker(index: Mapping[str, Any]) -> dict[str, Any]:
    """Leave the pipeline's own safety checker out: ours looks at the exact bytes that will be delivered.

    The built-in one would paint pictures black and leave no verdict to store.
    """
    if "safety_checker" not in index:
        return {}
    return {"safety_checker": None} | ({"requires_safety_checker": False} if "requires_safety_checker" in index else {})


def _load_problem(entry: ModelEntry, error: Exception) -> Exception:
    if out_of_memory(error):
        return OutOfMemory(f"{entry.title} does not fit into this device's memory.")
    if isinstance(
        error, OSError | ValueError | RuntimeError | LookupError | TypeError | AttributeError | ImportError
    ) or (type(error).__name__ == "SafetensorError"):
        # No prompt is known to anybody at this point, so the library's own words are safe for the operator to read.
        words = (str(error).strip().splitlines() or [""])[0][:300]
        return ModelMissing(f"{entry.title} could not be loaded: {type(error).__name__}: {words}")
    return error


def _revision(folder: Path) -> str:
    """The hub's commit where the folder is a snapshot of its cache, else a hash over index, file names and sizes.

    Of small files the content counts too: weights that were trained again have the same size.
    """
    if folder.parent.name == "snapshots" and len(folder.name) == 40:
        return folder.name
    digest = hashlib.sha256((folder / "model_index.json").read_bytes())
    for path in sorted(folder.rglob("*.safetensors")):
        size = path.stat().st_size
        digest.update(f"\n{path.relative_to(folder).as_posix()} {size}".encode())
        if size <= _SMALL_BYTES:
            digest.update(path.read_bytes())
    return f"sha256:{digest.hexdigest()}"
