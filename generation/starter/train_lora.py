"""Teaching a LoRA one more style: the UNet stays as it is and learns small corrections to some of its layers.

Owns which layers are corrected, the file's layout and its reading of scenes. It must not know pictures: it is given
latents, as `train_unet` is. (Low-rank adaptation: Hu et al. 2021, arXiv 2106.09685.)
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generation.starter.captions import describe
from generation.starter.course import Chance, Course, device, train
from generation.starter.train_unet import UNCAPTIONED, diffusion_loss, tokens_of
from generation.starter.world import STYLES, Scene

LORA_COURSE = Course(
    name="lora", steps=600, batch=16, learning_rate=2e-3, seed=13, weight_decay=0.0, average=0.99, warm_up=50
)
_RANK = 8
# Texture is made by the convolutions; the projections of attention decide which words it listens to.
_LAYERS = ("conv1", "conv2", "to_q", "to_k", "to_v", "to_out.0")
# A style is a habit, not a word: captions say the usual style, if any, and pictures come out in the new one.
_USUAL_STYLE = next(iter(STYLES))


def train_lora(
    pipe: Any,  # noqa: ANN401 - diffusers ships no types
    latents: NDArray[np.float16],
    scenes: Sequence[Scene],
    folder: Path,
    course: Course = LORA_COURSE,
) -> Mapping[str, Tensor]:
    """Train corrections of the pipeline's UNet on latents (n, 4, 32, 32) of pictures in the new style.

    `folder` keeps the course's checkpoint. Returns the corrections by their names in the UNet, in float16; the
    pipeline is left as it was, on the course's device.
    """
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    torch.manual_seed(course.seed)
    text_encoder = pipe.text_encoder.to(device()).requires_grad_(requires_grad=False).eval()
    unet = pipe.unet.to(device(), memory_format=torch.channels_last).requires_grad_(requires_grad=False)
    unet.add_adapter(LoraConfig(r=_RANK, lora_alpha=_RANK, target_modules=list(_LAYERS)), course.name)
    unet.train()

    def loss(_: int, chance: Chance) -> Tensor:
        chosen = chance.numpy.integers(0, len(latents), course.batch)
        lot = random.Random(int(chance.numpy.integers(2**31)))  # noqa: S311 - captions, no secrets
        captions = ["" if lot.random() < UNCAPTIONED else _describe(scenes[n], lot) for n in chosen]
        with torch.no_grad():
            text = text_encoder(tokens_of(pipe.tokenizer, captions).to(device()))[0]
        return diffusion_loss(unet, torch.from_numpy(latents[chosen]).float(), text, chance)

    train(course, {"unet": unet}, loss, folder)
    learnt = get_peft_model_state_dict(unet, adapter_name=course.name)
    corrections = {name: value.detach().to("cpu", torch.float16) for name, value in learnt.items()}
    unet.unload_lora()
    return corrections


def save_lora(corrections: Mapping[str, Tensor], path: Path) -> None:
    """Write the corrections to `path`, a .safetensors file as `load_lora_weights` of diffusers reads it."""
    from diffusers import StableDiffusionPipeline

    StableDiffusionPipeline.save_lora_weights(
        path.parent, unet_lora_layers=dict(corrections), weight_name=path.name, safe_serialization=True
    )


def _describe(scene: Scene, lot: random.Random) -> str:
    return describe(replace(scene, style=_USUAL_STYLE), lot)
