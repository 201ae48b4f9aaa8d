"""Which backend a catalogue entry's `backend` names, made when it is first needed.

Owns `Backends`. Each library is imported only when an entry asks for it, so a worker that serves closed providers
alone never loads torch.
"""

import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from generation.backends.base import Backend
from generation.errors import ModelMissing
from generation.secrets import read_secret

# What must be installed for a backend to work at all.
_NEEDS = {"diffusers": ("torch", "diffusers", "transformers"), "openai": ("openai",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """What backends are told at their making: how many models stay loaded, which device to use."""

    resident_models: int = 1
    device: str | None = None


class Backends:
    """The backends of one process, by name, each made at its first use."""

    def __init__(self, options: BackendOptions) -> None:
        """Make nothing yet."""
        self._factories: Mapping[str, Callable[[], Backend]] = {
            "diffusers": lambda: _diffusers(options),
            "openai": _openai,
        }
        self._made: dict[str, Backend] = {}

    def get(self, name: str) -> Backend:
        """The backend called `name`; raises `ModelMissing` where its libraries are not installed."""
        if name not in self._made:
            if not installed(name):
                raise ModelMissing(f"This worker has not installed what “{name}” needs (the worker extra).")
            self._made[name] = self._factories[name]()
        return self._made[name]

    async def aclose(self) -> None:
        """Close all that were made."""
        for backend in self._made.values():
            await backend.aclose()
        self._made.clear()


def installed(name: str) -> bool:
    """Whether this machine has what the backend needs; looking imports nothing."""
    return all(importlib.util.find_spec(library) is not None for library in _NEEDS[name])


def _diffusers(options: BackendOptions) -> Backend:
    from generation.backends.diffusers import DiffusersBackend

    return DiffusersBackend(resident=options.resident_models, device=options.device)


def _openai() -> Backend:
    from generation.backends.openai import OpenAIBackend

    return OpenAIBackend(api_key=read_secret("OPENAI_API_KEY"), base_url=os.environ.get("OPENAI_BASE_URL") or None)
