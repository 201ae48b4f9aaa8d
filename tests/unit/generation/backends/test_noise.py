"""The noise pipeline: built once, the same everywhere, never half."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from generation.backends.base import Watch
from generation.backends.diffusers import DiffusersBackend
from generation.catalogue import load_entries
from generation.starter import noise
from generation.worker.pictures import look_at
from tests.making_jobs import order


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[DiffusersBackend]:
    backend = DiffusersBackend(models=tmp_path / "models", device="cpu")
    yield backend
    await backend.aclose()


def _content(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_two_machines_build_the_same_noise(tmp_path: Path) -> None:
    one, other = noise.build_noise_pipeline(tmp_path / "one"), noise.build_noise_pipeline(tmp_path / "other")

    assert _content(one) == _content(other)
    assert sum(path.stat().st_size for path in one.rglob("*")) < 8_000_000
    assert not list(tmp_path.glob(".*"))


def test_what_is_built_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = noise.build_noise_pipeline(tmp_path / "noise")
    monkeypatch.setattr(noise, "_pipeline", None)

    assert noise.build_noise_pipeline(folder) == folder


def test_the_slower_of_two_builders_takes_the_fasters_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build: Any = noise._pipeline

    def overtaken() -> Any:
        # Another process finishes while this one is still at it.
        build().save_pretrained(tmp_path / "noise")
        return build()

    monkeypatch.setattr(noise, "_pipeline", overtaken)

    assert (noise.build_noise_pipeline(tmp_path / "noise") / "model_index.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["noise"]


async def test_the_catalogues_entry_draws_by_it(backend: DiffusersBackend) -> None:
    entry = next(entry for entry in load_entries() if entry.id == "noise")
    wanted = order(
        model="noise",
        width=entry.dimensions[0][0],
        height=entry.dimensions[0][1],
        num_inference_steps=entry.num_inference_steps,
        guidance_scale=entry.guidance_scale,
    )

    made = await backend.generate(entry, wanted, Watch(lambda *_: None))

    picture = look_at(made.images[0].data)
    assert (picture.width, picture.height) == entry.dimensions[0]
    assert made.notes == ()
