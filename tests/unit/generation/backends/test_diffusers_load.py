"""What may be loaded, and what is said about it and about what may not."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from generation.backends.diffusers import DiffusersBackend
from generation.backends.diffusers_load import choose_device
from generation.errors import ModelMissing
from tests.making_jobs import local_entry
from tests.unit.generation.backends.local import draw_with, entry_for


async def test_replay_data(backend: DiffusersBackend, copied: Path) -> None:
    first = (await draw_with(backend, entry_for(copied, dtype="bfloat16"))).made_by
    weights = copied / "unet" / "diffusion_pytorch_model.safetensors"
    (copied / "unet" / "copy.safetensors").write_bytes(weights.read_bytes())
    second = (await draw_with(backend, entry_for(copied))).made_by

    assert (first.device, first.dtype, first.scheduler) == ("cpu", "bfloat16", "DDIMScheduler")
    assert second.dtype == "float32"
    assert {name for name, _ in first.versions} == {"diffusers", "torch", "transformers"}
    assert first.revision is not None
    assert first.revision.startswith("sha256:")
    assert first.revision != second.revision


async def test_weights_of_the_same_size_are_told_apart(backend: DiffusersBackend, copied: Path) -> None:
    first = (await draw_with(backend, entry_for(copied))).made_by
    weights = copied / "unet" / "diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    second = (await draw_with(backend, entry_for(copied, dtype="float32"))).made_by

    assert first.revision != second.revision


async def test_a_shipped_model_whose_weights_did_not_come_along(
    backend: DiffusersBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The package's own folder stays whole for the other tests.
    monkeypatch.setattr("generation.backends.diffusers_load.shipped_model", lambda _: tmp_path / "nowhere")

    with pytest.raises(ModelMissing, match="install the package again"):
        await draw_with(backend, local_entry({"shipped": "starter"}))


async def test_a_folder_of_the_hubs_cache_is_known_by_its_commit(
    backend: DiffusersBackend, pipelines: dict[str, Path], tmp_path: Path
) -> None:
    snapshot = shutil.copytree(pipelines["flux"], tmp_path / "snapshots" / ("c0ffee00" * 5))

    assert (await draw_with(backend, entry_for(Path(snapshot)))).made_by.revision == "c0ffee00" * 5


async def test_a_hub_id_is_loaded_from_the_hubs_cache_and_stays_with_its_commit(
    backend: DiffusersBackend, pipelines: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "c0ffee00" * 5
    cached = tmp_path / "models--tests--tiny"
    shutil.copytree(pipelines["stable_diffusion"], cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit, encoding="utf-8")
    # The client's own settings, read when it is imported: where its cache is, and that the hub is not asked.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    newest = await draw_with(backend, local_entry({"repo": "tests/tiny"}))
    pinned = await draw_with(backend, local_entry({"repo": "tests/tiny", "revision": commit}))

    assert newest.made_by.revision == pinned.made_by.revision == commit
    with pytest.raises(ModelMissing, match="could not be fetched"):
        await draw_with(backend, local_entry({"repo": "tests/tiny", "revision": "deadbeef" * 5}))


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
        await draw_with(backend, entry_for(copied))

    assert not (tmp_path / "sprung").exists()


async def test_pickled_weights_are_not_loaded(backend: DiffusersBackend, copied: Path) -> None:
    (copied / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save({}, copied / "unet" / "diffusion_pytorch_model.bin")

    with pytest.raises(ModelMissing, match="could not be loaded"):
        await draw_with(backend, entry_for(copied))


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
        await draw_with(backend, entry_for(copied))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"folder": "/nowhere/at/all"}, "no such folder"),
        ({"repo": "./nowhere"}, "no such folder"),
        ({"repo": "zorblax/nowhere"}, "could not be fetched"),
        ({"shipped": "zorblax"}, "none is called so"),
        ({}, "names no folder"),
    ],
)
async def test_a_model_that_is_not_there(
    backend: DiffusersBackend, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str], words: str
) -> None:
    # The hub is not asked in tests; this is its client's own switch, read when it is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(ModelMissing, match=words):
        await draw_with(backend, local_entry(arguments))


def test_what_was_asked_for_beats_the_choice_of_device_and_numbers() -> None:
    assert choose_device("cpu", None) == ("cpu", torch.float32)
    assert choose_device("cpu", "float16") == ("cpu", torch.float16)
    with pytest.raises(ModelMissing, match="float32"):
        choose_device("cpu", "zorblax")
    with pytest.raises(ModelMissing):
        choose_device("cpu", "nn")
