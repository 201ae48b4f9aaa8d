"""The diffusers backend over tiny real pipelines of four families."""

import json
import logging
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from generation.backends import diffusers_draw
from generation.backends.base import Generated, Watch
from generation.backends.diffusers import DiffusersBackend
from generation.backends.diffusers_load import choose_device
from generation.catalogue import ModelEntry
from generation.errors import GenerationCancelled, ModelMissing, OutOfMemory, UnsupportedRequest
from tests import tiny
from tests.making_jobs import local_entry, order

FAMILIES: dict[str, Callable[[Path], Path]] = {
    "stable_diffusion": tiny.stable_diffusion,
    "stable_diffusion_xl": tiny.stable_diffusion_xl,
    "flux": tiny.flux,
    "pixart": tiny.pixart,
}


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.set_num_threads(2)
    folder = tmp_path_factory.mktemp("pipelines")
    return {name: build(folder / name) for name, build in FAMILIES.items()}


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[DiffusersBackend]:
    backend = DiffusersBackend(models=tmp_path / "models", device="cpu")
    yield backend
    await backend.aclose()


@pytest.fixture
def copied(pipelines: dict[str, Path], tmp_path: Path) -> Path:
    """A Stable Diffusion folder to damage."""
    return Path(shutil.copytree(pipelines["stable_diffusion"], tmp_path / "copied"))


async def _draw(
    backend: DiffusersBackend, entry: ModelEntry, heard: list[tuple[str, int, int]] | None = None, **changes: Any
) -> Generated:
    return await backend.generate(entry, order(**changes), Watch(lambda *word: (heard or []).append(word)))


def _entry(folder: Path, **arguments: Any) -> ModelEntry:
    return local_entry({"folder": str(folder), **arguments})


@pytest.mark.parametrize("family", FAMILIES)
async def test_the_same_seed_gives_the_same_bytes_in_company_or_alone(
    backend: DiffusersBackend, pipelines: dict[str, Path], family: str
) -> None:
    entry = _entry(pipelines[family])
    heard: list[tuple[str, int, int]] = [("begin", 0, 0)]

    both = await _draw(backend, entry, heard, num_images=2, seed=5)
    second = await _draw(backend, entry, num_images=1, seed=6)

    assert [image.seed for image in both.images] == [5, 6]
    assert both.images[1].data == second.images[0].data
    assert both.images[0].data != both.images[1].data
    # Every family tells of every step, in its own way, counted over both pictures.
    assert heard[1:] == [("loading", 0, 0), ("drawing", 0, 0), *(("drawing", step, 4) for step in range(1, 5))]


async def test_drawn_together_they_may_differ_and_then_it_is_said(
    backend: DiffusersBackend, pipelines: dict[str, Path]
) -> None:
    together = await _draw(backend, _entry(pipelines["stable_diffusion"], batch=4), num_images=2)
    apart = await _draw(backend, _entry(pipelines["stable_diffusion"]), num_images=2)

    assert "Drawn together" in " ".join(together.notes)
    assert "Drawn together" not in " ".join(apart.notes)
    for one, other in zip(together.images, apart.images, strict=True):
        assert one.seed == other.seed
        # Different rounding, not different pictures.
        assert np.abs(_pixels(one.data) - _pixels(other.data)).max() <= 2


def _pixels(data: bytes) -> Any:
    import io

    return np.asarray(Image.open(io.BytesIO(data)), dtype=np.int16)


@pytest.mark.parametrize("family_and_read", [("stable_diffusion", 75), ("stable_diffusion_xl", 75), ("flux", None)])
async def test_how_much_of_a_long_prompt_was_read_is_said_and_the_prompt_is_not_logged(
    backend: DiffusersBackend,
    pipelines: dict[str, Path],
    family_and_read: tuple[str, int | None],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    family, read = family_and_read
    with caplog.at_level(logging.DEBUG):
        made = await _draw(backend, _entry(pipelines[family]), prompt="zorblax" * 20)

    notes = [note for note in made.notes if "read the first" in note]
    assert notes == ([] if read is None else [f"Tiny read the first {read} of 140 characters."])
    captured = capfd.readouterr()
    assert "zorblax" not in caplog.text + captured.out + captured.err


async def test_a_prompt_that_fits_needs_no_note(backend: DiffusersBackend, pipelines: dict[str, Path]) -> None:
    assert (await _draw(backend, _entry(pipelines["stable_diffusion"]), prompt="a red boat   ")).notes == ()


async def test_a_pipelines_own_safety_checker_is_left_out(backend: DiffusersBackend, tmp_path: Path) -> None:
    """It would paint everything black here; ours looks at the finished bytes instead."""
    made = await _draw(backend, _entry(tiny.stable_diffusion(tmp_path / "checked", with_checker=True)))

    assert _pixels(made.images[0].data).max() > 0


async def test_it_stops_between_steps(backend: DiffusersBackend, pipelines: dict[str, Path]) -> None:
    heard: list[int] = []

    def stop_at_three(stage: str, done: int, total: int) -> None:
        heard.append(done)
        if done == 3:
            watch.cancel()

    watch = Watch(stop_at_three)
    with pytest.raises(GenerationCancelled):
        await backend.generate(_entry(pipelines["flux"]), order(num_inference_steps=50), watch)

    assert max(heard) == 3


async def test_a_size_the_pipeline_cannot_draw_is_refused(
    backend: DiffusersBackend, pipelines: dict[str, Path]
) -> None:
    with pytest.raises(UnsupportedRequest, match="8 divides"):
        await _draw(backend, _entry(pipelines["stable_diffusion"]), width=68)


async def test_the_longest_unused_pipeline_goes_first(pipelines: dict[str, Path], tmp_path: Path) -> None:
    backend = DiffusersBackend(models=tmp_path, resident=2, device="cpu")
    loaded = []
    for family in ("flux", "stable_diffusion", "flux", "stable_diffusion_xl", "flux", "stable_diffusion"):
        heard: list[tuple[str, int, int]] = [("begin", 0, 0)]
        await _draw(backend, _entry(pipelines[family]), heard, num_inference_steps=1)
        loaded += [family] if ("loading", 0, 0) in heard else []
    await backend.aclose()

    assert loaded == ["flux", "stable_diffusion", "stable_diffusion_xl", "stable_diffusion"]


async def test_replay_data(backend: DiffusersBackend, copied: Path) -> None:
    first = (await _draw(backend, _entry(copied, dtype="bfloat16"))).made_by
    weights = copied / "unet" / "diffusion_pytorch_model.safetensors"
    (copied / "unet" / "copy.safetensors").write_bytes(weights.read_bytes())
    second = (await _draw(backend, _entry(copied))).made_by

    assert (first.device, first.dtype, first.scheduler) == ("cpu", "bfloat16", "DDIMScheduler")
    assert second.dtype == "float32"
    assert {name for name, _ in first.versions} == {"diffusers", "torch", "transformers"}
    assert first.revision is not None
    assert first.revision.startswith("sha256:")
    assert first.revision != second.revision


async def test_a_folder_of_the_hubs_cache_is_known_by_its_commit(
    backend: DiffusersBackend, pipelines: dict[str, Path], tmp_path: Path
) -> None:
    snapshot = shutil.copytree(pipelines["flux"], tmp_path / "snapshots" / ("c0ffee00" * 5))

    assert (await _draw(backend, _entry(Path(snapshot)))).made_by.revision == "c0ffee00" * 5


def _rewrite(folder: Path, **changes: Any) -> None:
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {"_class_name": "ZorblaxPipeline"},
        {"_class_name": ["zorblax", "ZorblaxPipeline"]},
        {"_class_name": "AutoencoderKL"},
        {"_class_name": "logging"},
        {"_class_name": None},
        {"unet": ["zorblax", "ZorblaxModel"]},
        {"extra": ["zorblax", "ZorblaxModel"]},
        {"unet": {"zorblax": "ZorblaxModel"}},
    ],
)
async def test_code_from_a_repository_is_never_run(
    backend: DiffusersBackend, copied: Path, changes: dict[str, Any], tmp_path: Path
) -> None:
    _rewrite(copied, **changes)
    trap = f"import pathlib\npathlib.Path({str(tmp_path / 'sprung')!r}).touch()\nclass ZorblaxModel: pass\n"
    for place in (copied / "zorblax.py", copied / "unet" / "zorblax.py", copied / "pipeline.py"):
        place.write_text(trap, encoding="utf-8")

    with pytest.raises(ModelMissing, match=r"model_index\.json"):
        await _draw(backend, _entry(copied))

    assert not (tmp_path / "sprung").exists()


async def test_pickled_weights_are_not_loaded(backend: DiffusersBackend, copied: Path) -> None:
    (copied / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save({}, copied / "unet" / "diffusion_pytorch_model.bin")

    with pytest.raises(ModelMissing, match="could not be loaded"):
        await _draw(backend, _entry(copied))


@pytest.mark.parametrize("damage", ["no index", "no json", "half the weights", "no weights"])
async def test_a_damaged_folder_is_told_to_the_operator(backend: DiffusersBackend, copied: Path, damage: str) -> None:
    weights = copied / "vae" / "diffusion_pytorch_model.safetensors"
    if damage == "no index":
        (copied / "model_index.json").unlink()
    elif damage == "no json":
        (copied / "model_index.json").write_text("{", encoding="utf-8")
    elif damage == "half the weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    else:
        weights.unlink()

    with pytest.raises(ModelMissing):
        await _draw(backend, _entry(copied))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"folder": "/nowhere/at/all"}, "no such folder"),
        ({"repo": "./nowhere"}, "no such folder"),
        ({"repo": "zorblax/nowhere"}, "could not be fetched"),
        ({"build": "zorblax"}, "nobody knows how"),
        ({}, "names no folder"),
    ],
)
async def test_a_model_that_is_not_there(
    backend: DiffusersBackend, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str], words: str
) -> None:
    # The hub is not asked in tests; this is its client's own switch, read when it is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(ModelMissing, match=words):
        await _draw(backend, local_entry(arguments))


async def test_running_out_of_memory_is_said_and_empties_the_device(
    backend: DiffusersBackend, pipelines: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 7 GiB")

    entry = _entry(pipelines["stable_diffusion"])
    await _draw(backend, entry)
    # No device of a few megabytes is at hand, so torch's own error is raised where it would come from.
    with monkeypatch.context() as patch:
        patch.setattr("diffusers.UNet2DConditionModel.forward", run_out)
        with pytest.raises(OutOfMemory):
            await _draw(backend, entry)

    heard: list[tuple[str, int, int]] = [("begin", 0, 0)]
    await _draw(backend, entry, heard)
    assert ("loading", 0, 0) in heard


def test_what_was_asked_for_beats_the_choice_of_device_and_numbers() -> None:
    assert choose_device("cpu", None) == ("cpu", torch.float32)
    assert choose_device("cpu", "float16") == ("cpu", torch.float16)
    with pytest.raises(ModelMissing, match="float32"):
        choose_device("cpu", "zorblax")
    with pytest.raises(ModelMissing):
        choose_device("cpu", "nn")


@pytest.mark.parametrize(
    "values",
    [
        np.full((8, 8, 3), np.nan, dtype=np.float32),
        np.full((8, 8, 3), np.inf, dtype=np.float32),
        np.linspace(-3, 3, 192, dtype=np.float32).reshape(8, 8, 3),
        np.zeros((8, 8, 1), dtype=np.float32),
        np.zeros((8, 8, 4), dtype=np.float32),
        Image.new("RGB", (8, 8)),
    ],
)
def test_any_array_of_numbers_becomes_a_png(values: Any) -> None:
    assert _pixels(diffusers_draw.to_png(values)).shape[:2] == (8, 8)


class _Bare:
    """A pipeline that takes next to nothing and reports nothing; no stock one is so bare."""

    def __call__(self, prompt: str) -> Any:
        return ([Image.new("RGB", (8, 8))],)


class _NeedsPicture:
    """A pipeline that draws from a picture."""

    def __call__(self, image: Any, prompt: str = "") -> Any:
        raise AssertionError


def test_what_a_pipeline_does_not_take_is_left_out_and_said() -> None:
    drawn = diffusers_draw.draw(_Bare(), local_entry({}), order(num_images=2), Watch(lambda *_: None))

    assert len(drawn.pictures) == 2
    assert drawn.seeds == (None, None)
    assert drawn.notes == (
        "Tiny chooses the size itself.",
        "Tiny takes no seed.",
        "Drawn without guidance: Tiny takes none.",
        "Tiny chooses the number of steps itself.",
    )


def test_a_pipeline_for_something_else_is_refused() -> None:
    with pytest.raises(UnsupportedRequest, match="no text-to-image"):
        diffusers_draw.draw(_NeedsPicture(), local_entry({}), order(), Watch(lambda *_: None))
