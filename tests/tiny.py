"""Tiny, real diffusers pipelines and a tiny safety checker, untrained, written to folders in a second or less.

They are loaded by the same code as real ones. Each family takes its arguments, reports its steps and reads its prompt
in its own way: Stable Diffusion and SDXL by CLIP's 77 tokens, Flux by T5 and newer callbacks, PixArt by T5 and the
older callback.
"""

import string
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

_WIDTH = 32


def stable_diffusion(folder: Path, *, with_checker: bool = False) -> Path:
    """A StableDiffusionPipeline for 64x64 pictures; with a safety checker of its own that flags everything."""
    torch.manual_seed(0)
    tokenizer, encoder = _clip()
    StableDiffusionPipeline(
        vae=_vae(4),
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=_unet(_WIDTH),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=_checker(threshold=-1.0) if with_checker else None,
        feature_extractor=_image_processor() if with_checker else None,
        requires_safety_checker=with_checker,
    ).save_pretrained(folder)
    return folder


def stable_diffusion_xl(folder: Path) -> Path:
    """A StableDiffusionXLPipeline for 64x64 pictures."""
    torch.manual_seed(0)
    tokenizer, encoder = _clip()
    tokenizer_2, encoder_2 = _clip(projected=True)
    unet = _unet(
        2 * _WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + _WIDTH,
    )
    StableDiffusionXLPipeline(
        vae=_vae(4),
        text_encoder=encoder,
        text_encoder_2=encoder_2,
        tokenizer=tokenizer,
        tokenizer_2=tokenizer_2,
        unet=unet,
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def flux(folder: Path) -> Path:
    """A FluxPipeline for 32x32 pictures: a transformer instead of a U-Net, and CLIP beside T5."""
    torch.manual_seed(0)
    tokenizer, encoder = _clip()
    tokenizer_2, encoder_2 = _t5(512)
    FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=_vae(4, blocks=2),
        text_encoder=encoder,
        tokenizer=tokenizer,
        text_encoder_2=encoder_2,
        tokenizer_2=tokenizer_2,
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=_WIDTH,
            pooled_projection_dim=_WIDTH,
            axes_dims_rope=[4, 4, 8],
        ),
    ).save_pretrained(folder)
    return folder


def pixart(folder: Path) -> Path:
    """A PixArtSigmaPipeline for 64x64 pictures: its progress comes by the older callback."""
    torch.manual_seed(0)
    tokenizer, encoder = _t5(300)
    PixArtSigmaPipeline(
        tokenizer=tokenizer,
        text_encoder=encoder,
        vae=_vae(4, blocks=2),
        transformer=PixArtTransformer2DModel(
            sample_size=32,
            num_layers=1,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=2,
            caption_channels=_WIDTH,
            in_channels=4,
            cross_attention_dim=16,
            out_channels=8,
            attention_bias=True,
            activation_fn="gelu-approximate",
            num_embeds_ada_norm=1000,
            norm_type="ada_norm_single",
            norm_elementwise_affine=False,
            norm_eps=1e-6,
            use_additional_conditions=False,
        ),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
    ).save_pretrained(folder)
    return folder


def safety_checker(folder: Path, *, threshold: float, broken: bool = False) -> Path:
    """A safety checker whose concepts all have one threshold: -1 flags every picture, +1 none.

    `broken` fills the concepts with numbers that are none.
    """
    torch.manual_seed(0)
    checker = _checker(threshold)
    if broken:
        with torch.no_grad():
            checker.concept_embeds.fill_(float("nan"))
    checker.save_pretrained(folder)
    _image_processor().save_pretrained(folder)
    return folder


def _clip(*, projected: bool = False) -> tuple[Any, Any]:
    letters = sorted(ByteLevel.alphabet())
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    tokenizer = CLIPTokenizer(vocab={w: n for n, w in enumerate(words)}, merges=[], model_max_length=77)
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=_WIDTH,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        projection_dim=_WIDTH,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return tokenizer, (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def _t5(longest: int) -> tuple[Any, Any]:
    words = ["<pad>", "</s>", "<unk>", "▁", *string.ascii_letters, *string.digits, *string.punctuation]
    vocab = [(word, 0.0 if number < 3 else -2.0) for number, word in enumerate(words)]
    tokenizer = T5Tokenizer(vocab=vocab, extra_ids=0, model_max_length=longest)
    config = T5Config(
        vocab_size=len(words), d_model=_WIDTH, d_kv=8, d_ff=37, num_layers=2, num_heads=4, is_encoder_decoder=False
    )
    return tokenizer, T5EncoderModel(config)


def _vae(channels: int, blocks: int = 4) -> Any:
    return AutoencoderKL(
        block_out_channels=(16,) * blocks,
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        latent_channels=channels,
        norm_num_groups=4,
        sample_size=64,
        shift_factor=0.0,
        scaling_factor=0.18,
    )


def _unet(cross_attention_dim: int, **more: Any) -> Any:
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=cross_attention_dim,
        attention_head_dim=8,
        norm_num_groups=4,
        **more,
    )


def _checker(threshold: float) -> Any:
    vision = {
        "hidden_size": _WIDTH,
        "intermediate_size": 37,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "image_size": 30,
        "patch_size": 15,
        "projection_dim": _WIDTH,
    }
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, projection_dim=_WIDTH))
    with torch.no_grad():
        checker.concept_embeds.copy_(torch.randn_like(checker.concept_embeds))
        checker.special_care_embeds.copy_(torch.randn_like(checker.special_care_embeds))
        checker.concept_embeds_weights.fill_(threshold)
        checker.special_care_embeds_weights.fill_(threshold)
    return checker


def _image_processor() -> Any:
    return CLIPImageProcessor(size={"shortest_edge": 30}, crop_size={"height": 30, "width": 30})
