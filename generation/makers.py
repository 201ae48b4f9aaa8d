"""What each way of making a picture needs of the machine it runs on: libraries, and keys in the environment.

Owns the table. Pure but for asking what is installed. It must not know how a backend works: `generation.backends` does,
and this is what others may know of it (the worker that chooses what to serve, the doctor that says what is missing).
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Maker:
    """One backend: the libraries it imports, the extra that installs them, the secrets it cannot do without."""

    libraries: tuple[str, ...]
    extra: str = "worker"
    keys: tuple[str, ...] = ()

    @property
    def installed(self) -> bool:
        """Whether this machine has the libraries; looking imports nothing."""
        return not self.lacking

    @property
    def lacking(self) -> tuple[str, ...]:
        """The libraries that are not installed."""
        return tuple(name for name in self.libraries if not _is_there(name))


def _is_there(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ModuleNotFoundError:  # what a dotted name lies in is missing too
        return False


MAKERS: Mapping[str, Maker] = {
    "diffusers": Maker(("torch", "diffusers", "transformers")),
    "openai": Maker(("openai",), keys=("OPENAI_API_KEY",)),
    "google": Maker(("google.genai",), extra="google", keys=("GEMINI_API_KEY",)),
    "huggingface": Maker(("huggingface_hub",), keys=("HF_TOKEN",)),
    "bfl": Maker(("aiohttp",), keys=("BFL_API_KEY",)),
    "stability": Maker(("aiohttp",), keys=("STABILITY_API_KEY",)),
    "ideogram": Maker(("aiohttp",), keys=("IDEOGRAM_API_KEY",)),
    "recraft": Maker(("aiohttp",), keys=("RECRAFT_API_TOKEN",)),
    "firefly": Maker(("aiohttp",), keys=("FIREFLY_CLIENT_ID", "FIREFLY_CLIENT_SECRET")),
    "comfyui": Maker(("aiohttp",)),
    "automatic1111": Maker(("aiohttp",)),
    "horde": Maker(("aiohttp",)),
}
"""By the name that catalogue entries use in `backend`."""
