"""The noise pipeline: a tiny, real diffusers pipeline that was never trained, for trying the chain without a model.

Owns `build_noise_pipeline`. The folder it writes is loaded by the same code as any other; all it can draw is coloured
noise. It must not know the catalogue, the worker or anybody's prompt. Needs torch, diffusers and transformers.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

# Weights come from this seed alone, so every machine with the same library versions builds the same noise.
_SEED = 20_261_120
_PROMPT_TOKENS = 512


def build_noise_pipeline(folder: Path) -> Path:
    """Write the pipeline to `folder` unless it is there already, and return `folder`. About 5 MB and a second of work.

    Several processes may build at once: each writes a folder of its own, and the first to finish gives it the name.
    """
    if (folder / "model_index.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _pipeline().save_pretrained(temporary, safe_serialization=True)
        temporary.rename(folder)
    except OSError:
        # Renaming onto a full folder fails: another process was faster, and its folder is as good as ours.
        if not (folder / "model_index.json").is_file():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _pipeline() -> Any:  # noqa: ANN401 - diffusers ships no types
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(_SEED)
        tokenizer, text_encoder = _text_side()
        unet, vae = _picture_side()
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _text_side() -> tuple[Any, Any]:
    """A tokenizer that spells (every byte is a token) and a text encoder with room for 512 of them."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    tokenizer = CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)}, merges=[], model_max_length=_PROMPT_TOKENS
    )
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=_PROMPT_TOKENS,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        projection_dim=32,
    )
    return tokenizer, CLIPTextModel(config)


def _picture_side() -> tuple[Any, Any]:
    from diffusers import AutoencoderKL, UNet2DConditionModel

    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=8,
        norm_num_groups=8,
    )
    vae = AutoencoderKL(
        block_out_channels=(16, 32, 32, 32),
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=128,
    )
    # Untrained decoders draw almost plain grey; louder last weights make the noise worth looking at.
    vae.decoder.conv_out.weight.mul_(3)
    return unet, vae
