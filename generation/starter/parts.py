"""The starter model's parts: stock diffusers and transformers classes in miniature, before anything is learnt.

Owns sizes and shapes. It must not know training or data. Together they make a `StableDiffusionPipeline`:

- pictures of 128 by 128 pixels, latents of 32 by 32 by 4 (the VAE shrinks by four, not eight: fewer pixels a latent
  keeps edges sharp at this size, and a UNet that attends only at 8 by 8 costs no more);
- prompts of up to 40 tokens, where every word of the captions is one token and other words fall into pieces;
- a UNet that predicts velocity (Salimans & Ho 2022, arXiv 2202.00512) on a schedule that ends in pure noise
  (Lin et al. 2023, arXiv 2305.08891), so that nights come out dark and snow bright.
"""

import json
from pathlib import Path
from typing import Any

from generation.starter.captions import vocabulary
from generation.starter.render import SIDE

TOKENS = 40
LATENT_SHAPE = (4, SIDE // 4, SIDE // 4)
_HIDDEN = 160
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:;!?'-\"()&/"


def new_vae() -> Any:  # noqa: ANN401 - diffusers ships no types
    """An untrained AutoencoderKL: (n, 3, 128, 128) to latents (n, 4, 32, 32)."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(32, 64, 96),
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=LATENT_SHAPE[0],
        norm_num_groups=8,
        sample_size=SIDE,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


def new_unet() -> Any:  # noqa: ANN401 - as above
    """An untrained UNet2DConditionModel on those latents.

    It listens to the text in two ways: word by word at its lowest level, 8 by 8, and to the whole caption everywhere,
    as one vector beside the noise level (`addition_embed_type`; no pipeline needs to know).
    """
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=LATENT_SHAPE[1],
        in_channels=LATENT_SHAPE[0],
        out_channels=LATENT_SHAPE[0],
        block_out_channels=(32, 96, 192),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        cross_attention_dim=_HIDDEN,
        attention_head_dim=4,
        norm_num_groups=16,
        time_embedding_dim=_HIDDEN,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=5,
        encoder_hid_dim=_HIDDEN,
    )


def new_tokenizer() -> Any:  # noqa: ANN401 - as above
    """A CLIPTokenizer whose merges put together exactly the captions' words; other words stay in small pieces."""
    from transformers import CLIPTokenizer

    pieces = ["<|startoftext|>", "<|endoftext|>", *_LETTERS, *(f"{letter}</w>" for letter in _LETTERS)]
    merges: list[tuple[str, str]] = []
    for word in sorted(vocabulary(), key=lambda word: (len(word), word)):
        # What the merges so far make of the word is put together by new ones. Those rank last, so that words that
        # were whole before stay whole.
        first, *rest = _merged([*word[:-1], f"{word[-1]}</w>"], merges)
        for piece in rest:
            merges.append((first, piece))
            first += piece
            pieces.append(first)
    numbers = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    return CLIPTokenizer(vocab=numbers, merges=merges, model_max_length=TOKENS)


def _merged(pieces: list[str], merges: list[tuple[str, str]]) -> list[str]:
    """The pieces after byte-pair merging, the earliest merge first, as the tokenizer will do it."""
    for left, right in merges:
        for at in range(len(pieces) - 1, 0, -1):
            if (pieces[at - 1], pieces[at]) == (left, right):
                pieces[at - 1 : at + 1] = [left + right]
    return pieces


def new_text_encoder(tokens: int) -> Any:  # noqa: ANN401 - as above
    """An untrained CLIPTextModel for a vocabulary of that many tokens."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=tokens,
            hidden_size=_HIDDEN,
            intermediate_size=4 * _HIDDEN,
            num_hidden_layers=3,
            num_attention_heads=5,
            max_position_embeddings=TOKENS,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
            projection_dim=_HIDDEN,
        )
    )


def new_scheduler() -> Any:  # noqa: ANN401 - as above
    """The sampler the model ships with; the training takes its noise levels from the same schedule."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
        set_alpha_to_one=False,
    )


def assemble(vae: Any, unet: Any, tokenizer: Any, text_encoder: Any) -> Any:  # noqa: ANN401 - as above
    """The parts as a StableDiffusionPipeline, without a safety checker: there is nothing unsafe in its world."""
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline(
        vae=vae,
        unet=unet,
        tokenizer=tokenizer,
        text_encoder=text_encoder,
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def save(pipe: Any, folder: Path) -> None:  # noqa: ANN401 - as above
    """Write the pipeline to a folder in half precision, with its parts left so, on the CPU.

    `from_pretrained` without a dtype then loads all of it in single precision.
    """
    import torch

    for part in (pipe.vae, pipe.unet, pipe.text_encoder):
        part.to("cpu", torch.float16)
    pipe.save_pretrained(folder)
    # Diffusers loads its own classes in single precision, transformers 5 takes what the config names: unless that is
    # single too, the text encoder's words are of a kind that the UNet refuses.
    path = folder / "text_encoder" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dtype": "float32"}, indent=2) + "\n")
