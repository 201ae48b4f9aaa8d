"""The whole training in small: two steps of each course, from nothing to a model and a LoRA that diffusers loads."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from generation.starter import data
from generation.starter.data import encoded, rendered, scene_number
from generation.starter.render import MOSAIC, SIDE, paint
from generation.starter.train import main
from generation.starter.train_vae import as_tensor, picture_loss


def train_in(folder: Path, *more: str) -> None:
    result = CliRunner().invoke(main, ["--trial", "--work", str(folder), *more], catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with all that a trial leaves."""
    folder = tmp_path_factory.mktemp("trained")
    train_in(folder)
    return folder


def made(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.safetensors")}


def test_it_makes_a_model_and_a_lora_that_stock_classes_load(trained: Path) -> None:
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(trained / "model", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)

    def draw() -> Any:
        generator = torch.Generator().manual_seed(1)
        return pipe("a red boat", num_inference_steps=1, generator=generator, output_type="np").images

    plain = draw()
    pipe.load_lora_weights(trained / "loras", weight_name="mosaic.safetensors")
    styled = draw()
    pipe.unload_lora_weights()

    assert not np.array_equal(plain, styled)
    assert np.array_equal(plain, draw())
    assert (trained / "loras" / "mosaic.safetensors").stat().st_size < 1_500_000


def test_halves_lie_on_disk(trained: Path) -> None:
    from safetensors.torch import load_file

    paths = list(trained.rglob("*.safetensors"))
    kinds = {value.dtype for path in paths for value in load_file(path).values()}

    assert len(paths) == 4
    # A text encoder may keep its positions as whole numbers.
    assert kinds - {torch.int64} == {torch.float16}


def test_run_again_it_goes_on_where_it_was_and_ends_the_same(trained: Path, tmp_path: Path) -> None:
    kept = [path for path in trained.rglob("*") if path.suffix in {".pt", ".u8", ".f16"}]
    assert {"vae-colours.pt", "unet-finish.pt", "lora.pt"} <= {path.name for path in kept}
    for path in kept:
        there = tmp_path / path.relative_to(trained)
        there.parent.mkdir(exist_ok=True)
        there.hardlink_to(path)
    train_in(tmp_path)

    assert made(tmp_path) == made(trained)


def test_a_lora_can_be_trained_alone(trained: Path, tmp_path: Path) -> None:
    train_in(tmp_path, "--only", "lora", "--model", str(trained / "model"))

    assert made(tmp_path).keys() == {"loras/mosaic.safetensors"}
    assert made(tmp_path)["loras/mosaic.safetensors"] == made(trained)["loras/mosaic.safetensors"]


def test_a_vae_that_is_there_is_built_on(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures-1-48.u8").hardlink_to(trained / "pictures-1-48.u8")
    train_in(tmp_path, "--only", "model", "--vae", str(trained / "model" / "vae"))

    vae = "model/vae/diffusion_pytorch_model.safetensors"
    assert made(tmp_path)[vae] == made(trained)[vae]
    assert not (tmp_path / "vae.pt").exists()


def test_without_a_model_a_lora_has_nothing_to_build_on(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--trial", "--work", str(tmp_path), "--only", "lora"])

    assert result.exit_code == 1
    assert "no model" in result.output


def test_pictures_are_rendered_once_and_appear_only_when_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # Rendering is interrupted where it takes its time.
        patch.setattr(data, "paint", stop)
        with pytest.raises(KeyboardInterrupt):
            rendered(tmp_path, 5, seed=1)
    assert not list(tmp_path.glob("*.u8"))
    pictures = rendered(tmp_path, 5, seed=1)

    assert pictures.shape == (5, SIDE, SIDE, 3)
    assert np.array_equal(pictures[4], np.asarray(paint(scene_number(4, seed=1))))
    monkeypatch.setattr(data, "paint", stop)
    assert np.array_equal(rendered(tmp_path, 5, seed=1), pictures)


def test_many_chunks_are_the_same_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").mkdir()
    one = rendered(tmp_path / "one", 5, seed=1, style=MOSAIC)
    monkeypatch.setattr(data, "_CHUNK", 2)
    many = rendered(tmp_path, 5, seed=1, style=MOSAIC)

    assert np.array_equal(one, many)


def test_latents_are_kept(tmp_path: Path) -> None:
    calls = 0

    def encode(pictures: Any) -> Any:
        nonlocal calls
        calls += 1
        return pictures[:, :1, :1, :].astype(np.float16)

    pictures = np.arange(130 * 4 * 4 * 3, dtype=np.uint8).reshape(130, 4, 4, 3)
    first = encoded(tmp_path / "latents.f16", pictures, (1, 1, 3), encode)
    again = encoded(tmp_path / "latents.f16", pictures, (1, 1, 3), encode)

    # Sixteen at a time.
    assert calls == 9
    assert np.array_equal(first, pictures[:, :1, :1, :])
    assert np.array_equal(first, again)


def test_pictures_become_numbers_from_minus_one_to_one_and_their_distance_is_felt() -> None:
    red, blue = (np.zeros((1, 16, 16, 3), np.uint8) for _ in range(2))
    red[..., 0], blue[..., 2] = 255, 255
    same, other = as_tensor(red), as_tensor(blue)

    assert same[0, :, 0, 0].tolist() == [1.0, -1.0, -1.0]
    assert float(picture_loss(same, same)) == 0
    assert float(picture_loss(same, other)) > 1
