"""Which backend a catalogue entry's `backend` names, made when it is first needed.

Owns `Backends`, and which variables of the environment are handed to each: its key, and another address where one
stands in for the provider's own. Each library is imported only when an entry asks for it, so a worker that serves
closed providers alone never loads torch. What a backend needs installed is `generation.makers`'s.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from generation.backends.base import Backend
from generation.errors import ModelMissing
from generation.makers import MAKERS
from generation.secrets import read_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """What backends are told at their making: how many models stay loaded, which device to use."""

    resident_models: int = 1
    device: str | None = None


class Backends:
    """The backends of one process, by name, each made at its first use."""

    def __init__(self, options: BackendOptions) -> None:
        """Make nothing yet."""
        self._options = options
        self._made: dict[str, Backend] = {}

    def get(self, name: str) -> Backend:
        """The backend called `name`; raises `ModelMissing` where its libraries are not installed."""
        if name not in self._made:
            if not MAKERS[name].installed:
                raise ModelMissing(
                    f"This worker has not installed what “{name}” needs (the {MAKERS[name].extra} extra)."
                )
            self._made[name] = _FACTORIES[name](self._options)
        return self._made[name]

    async def aclose(self) -> None:
        """Close all that were made."""
        for backend in self._made.values():
            await backend.aclose()
        self._made.clear()


def _address(variable: str, argument: str = "base_url") -> dict[str, Any]:
    """The address that the operator named, if any; without it a backend asks its provider's own."""
    named = os.environ.get(variable, "").strip()
    return {argument: named} if named else {}


def _diffusers(options: BackendOptions) -> Backend:
    from generation.backends.diffusers import DiffusersBackend

    return DiffusersBackend(resident=options.resident_models, device=options.device)


def _openai(_: BackendOptions) -> Backend:
    from generation.backends.openai import OpenAIBackend

    return OpenAIBackend(api_key=read_secret("OPENAI_API_KEY"), **_address("OPENAI_BASE_URL"))


def _bfl(_: BackendOptions) -> Backend:
    from generation.backends.bfl import BflBackend

    return BflBackend(api_key=read_secret("BFL_API_KEY"), **_address("BFL_BASE_URL"))


def _stability(_: BackendOptions) -> Backend:
    from generation.backends.stability import StabilityBackend

    return StabilityBackend(api_key=read_secret("STABILITY_API_KEY"), **_address("STABILITY_BASE_URL"))


def _firefly(_: BackendOptions) -> Backend:
    from generation.backends.firefly import FireflyBackend

    return FireflyBackend(
        client_id=read_secret("FIREFLY_CLIENT_ID"),
        client_secret=read_secret("FIREFLY_CLIENT_SECRET"),
        **_address("FIREFLY_BASE_URL"),
        **_address("FIREFLY_IMS_URL", "ims_url"),
    )


def _ideogram(_: BackendOptions) -> Backend:
    from generation.backends.ideogram import IdeogramBackend

    return IdeogramBackend(api_key=read_secret("IDEOGRAM_API_KEY"), **_address("IDEOGRAM_BASE_URL"))


def _recraft(_: BackendOptions) -> Backend:
    from generation.backends.recraft import RecraftBackend

    return RecraftBackend(api_key=read_secret("RECRAFT_API_TOKEN"), **_address("RECRAFT_BASE_URL"))


def _google(_: BackendOptions) -> Backend:
    from generation.backends.google import GoogleBackend

    return GoogleBackend(api_key=read_secret("GEMINI_API_KEY"), **_address("GEMINI_BASE_URL"))


def _huggingface(_: BackendOptions) -> Backend:
    from generation.backends.huggingface import HuggingFaceBackend

    return HuggingFaceBackend(api_key=read_secret("HF_TOKEN"), **_address("HF_INFERENCE_BASE_URL"))


def _comfyui(_: BackendOptions) -> Backend:
    from generation.backends.comfyui import ComfyUIBackend

    return ComfyUIBackend(api_key=read_secret("COMFYUI_API_KEY"), **_address("COMFYUI_BASE_URL"))


def _automatic1111(_: BackendOptions) -> Backend:
    from generation.backends.automatic1111 import Automatic1111Backend

    return Automatic1111Backend(auth=read_secret("AUTOMATIC1111_AUTH"), **_address("AUTOMATIC1111_BASE_URL"))


def _horde(_: BackendOptions) -> Backend:
    from generation.backends.horde import HordeBackend

    return HordeBackend(api_key=read_secret("AI_HORDE_API_KEY"), **_address("HORDE_BASE_URL"))


_FACTORIES: Mapping[str, Callable[[BackendOptions], Backend]] = {
    "diffusers": _diffusers,
    "openai": _openai,
    "google": _google,
    "huggingface": _huggingface,
    "bfl": _bfl,
    "stability": _stability,
    "firefly": _firefly,
    "ideogram": _ideogram,
    "recraft": _recraft,
    "comfyui": _comfyui,
    "automatic1111": _automatic1111,
    "horde": _horde,
}
