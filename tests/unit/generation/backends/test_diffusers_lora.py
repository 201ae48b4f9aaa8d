"""LoRAs in diffusers' own layout: what they change, how they are told, and what is no LoRA."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file

from generation.backends.diffusers import DiffusersBackend
from generation.errors import ModelMissing
from tests.making_jobs import local_entry
from tests.unit.generation.backends.local import draw_with, entry_for, pixels


@pytest.fixture(scope="module")
def lora(pipelines: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA for the tiny Stable Diffusion that was taught nothing but is loud."""
    torch.manual_seed(1)
    unet = UNet2DConditionModel.from_pretrained(pipelines["stable_diffusion"], subfolder="unet")
    unet.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights="gaussian"))
    weights = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    for name, value in weights.items():
        if "lora.up" in name or "lora_B" in name:
            torch.nn.init.normal_(value, std=3.0)
    folder = tmp_path_factory.mktemp("loras")
    StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=weights, weight_name="loud.safetensors")
    return folder / "loud.safetensors"


async def _drawn(backend: DiffusersBackend, folder: Path, **arguments: Any) -> tuple[Any, str]:
    made = await draw_with(backend, entry_for(folder, **arguments), num_inference_steps=4)
    return pixels(made.images[0].data), str(made.made_by.revision)


async def test_it_changes_the_picture_as_far_as_its_scale_says_and_is_told_with_it(
    backend: DiffusersBackend, pipelines: dict[str, Path], lora: Path
) -> None:
    folder = pipelines["stable_diffusion"]
    plain, plain_revision = await _drawn(backend, folder)
    none, _ = await _drawn(backend, folder, lora=str(lora), lora_scale=0.0)
    half, half_revision = await _drawn(backend, folder, lora=str(lora), lora_scale=0.5)
    full, full_revision = await _drawn(backend, folder, lora=str(lora))

    assert (none == plain).all()
    assert np.abs(full - plain).sum() > np.abs(half - plain).sum() > 0
    assert full_revision.startswith(f"{plain_revision}; lora sha256:")
    assert full_revision.endswith(" scale 1")
    assert half_revision == full_revision.removesuffix("1") + "0.5"


def _write(content: str, real: Path, file: Path) -> Path:
    if content == "rubbish":
        file.write_bytes(b"zorblax")
    elif content == "other weights":
        save_file({"unet.conv_in.weight": torch.zeros(2)}, file)
    elif content == "of something else":
        save_file({"transformer.blocks.0.to_q.lora_A.weight": torch.zeros(2, 2)}, file)
    elif content == "no numbers":
        save_file({name: torch.full_like(value, float("nan")) for name, value in load_file(real).items()}, file)
    elif content == "partly elsewhere":
        elsewhere = {f"unet.nowhere.to_q.lora_{end}.weight": torch.zeros(2, 2) for end in ("A", "B")}
        save_file(load_file(real) | elsewhere, file)
    return file if file.exists() else real


@pytest.mark.parametrize(
    ("family", "content", "words"),
    [
        ("pixart", "the real one", "takes none"),
        ("stable_diffusion_xl", "the real one", "is no LoRA for Tiny"),
        ("flux", "the real one", "is no LoRA for Tiny"),
        ("stable_diffusion", "rubbish", "is no LoRA for Tiny"),
        ("stable_diffusion", "other weights", "is no LoRA for Tiny"),
        ("stable_diffusion", "of something else", "is no LoRA for Tiny"),
        ("stable_diffusion", "no numbers", "is no LoRA for Tiny"),
        ("stable_diffusion", "partly elsewhere", "16 of its 17 layers fit"),
    ],
)
async def test_what_does_not_fit_is_told_to_the_operator(  # noqa: PLR0917 - three are fixtures
    backend: DiffusersBackend,
    pipelines: dict[str, Path],
    lora: Path,
    tmp_path: Path,
    family: str,
    content: str,
    words: str,
) -> None:
    file = _write(content, lora, tmp_path / "it.safetensors")

    with pytest.raises(ModelMissing, match=words):
        await draw_with(backend, entry_for(pipelines[family], lora=str(file)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lora": "/nowhere/at/all.safetensors"}, "no such file"),
        ({"lora": "zorblax"}, "no such file"),
        ({"lora": "../../secret"}, "neither a shipped one's name nor a path"),
        ({"lora": "weights.bin"}, "neither a shipped one's name nor a path"),
        ({"lora": "{lora}", "lora_scale": "loud"}, "lora_scale"),
        ({"lora": "{lora}", "lora_scale": "nan"}, "lora_scale"),
    ],
)
async def test_a_lora_that_is_not_there_or_not_to_be_read(
    backend: DiffusersBackend, pipelines: dict[str, Path], lora: Path, arguments: dict[str, str], words: str
) -> None:
    named = arguments | {"lora": arguments["lora"].format(lora=lora)}

    with pytest.raises(ModelMissing, match=words):
        await draw_with(backend, local_entry({"folder": str(pipelines["stable_diffusion"]), **named}))
