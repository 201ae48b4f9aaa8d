"""Where the weights lie that come with this package: whole models and LoRAs.

Owns their names and places, for workers, which load them, and for the doctor, which only looks whether they are there.
Pure; it must not know torch, nor what is in a folder.
"""

from collections.abc import Mapping
from pathlib import Path

_PACKAGE = Path(__file__).parent
_MODELS: Mapping[str, Path] = {"starter": _PACKAGE / "starter" / "model"}
_LORAS = _PACKAGE / "starter" / "loras"


def shipped_model(name: str) -> Path | None:
    """The folder of the shipped model of that name, whether or not it is there; None for a name nothing has."""
    return _MODELS.get(name)


def shipped_lora(name: str) -> Path:
    """The file of the shipped LoRA of that name, whether or not it is there. Raises ValueError for a name with a path.

    A name is letters, digits, `-` and `_`, so that it never leads out of the folder.
    """
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"“{name}” is no name of a shipped LoRA")
    return _LORAS / f"{name}.safetensors"
