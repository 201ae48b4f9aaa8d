"""Tiny pipelines, built once, and a backend of their own for each test."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import torch

from generation.backends.diffusers import DiffusersBackend
from tests.unit.generation.backends.local import FAMILIES


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.set_num_threads(2)
    folder = tmp_path_factory.mktemp("pipelines")
    return {name: build(folder / name) for name, build in FAMILIES.items()}


@pytest.fixture
async def backend() -> AsyncIterator[DiffusersBackend]:
    backend = DiffusersBackend(device="cpu")
    yield backend
    await backend.aclose()


@pytest.fixture
def copied(pipelines: dict[str, Path], tmp_path: Path) -> Path:
    """A Stable Diffusion folder to damage."""
    return Path(shutil.copytree(pipelines["stable_diffusion"], tmp_path / "copied"))
