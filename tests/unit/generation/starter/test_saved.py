"""The model on disk: half as large as in memory, and loaded by the plainest line there is."""

from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file

from generation.starter import parts


def test_saved_in_half_it_loads_in_single_without_being_told(tmp_path: Path) -> None:
    tokenizer = parts.new_tokenizer()
    encoder = parts.new_text_encoder(len(tokenizer))
    parts.save(parts.assemble(parts.new_vae(), parts.new_unet(), tokenizer, encoder), tmp_path)

    weights = sorted(tmp_path.rglob("*.safetensors"))
    assert [{value.dtype for value in load_file(path).values()} for path in weights] == [{torch.float16}] * 3
    pipe = StableDiffusionPipeline.from_pretrained(tmp_path)
    assert {pipe.vae.dtype, pipe.unet.dtype, pipe.text_encoder.dtype} == {torch.float32}
    half = StableDiffusionPipeline.from_pretrained(tmp_path, dtype=torch.float16)
    assert {half.vae.dtype, half.unet.dtype, half.text_encoder.dtype} == {torch.float16}
