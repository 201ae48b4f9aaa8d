"""The parts before they learn: stock classes, small, and a tokenizer that keeps every known word whole."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from generation.starter import parts
from generation.starter.captions import describe, vocabulary
from generation.starter.data import scene_number
from generation.starter.train_unet import tokens_of

SCENES = [scene_number(number, seed=4) for number in range(500)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return parts.new_tokenizer()


def test_every_word_of_the_vocabulary_is_one_token(tokenizer: Any) -> None:
    assert {word: tokenizer.tokenize(word) for word in vocabulary()} == {word: [f"{word}</w>"] for word in vocabulary()}


def test_words_stay_whole_among_others(tokenizer: Any) -> None:
    assert tokenizer.tokenize("Two red boats, at night") == [
        f"{w}</w>" for w in ("two", "red", "boats", ",", "at", "night")
    ]


def test_other_words_fall_into_pieces_that_are_known(tokenizer: Any) -> None:
    for word in ("zorblax", "dragon", "boatswain"):
        pieces = tokenizer.tokenize(word)
        assert len(pieces) > 1, word
        assert "".join(pieces) == f"{word}</w>"
        assert tokenizer.unk_token not in pieces


@given(st.text(max_size=300))
def test_any_prompt_makes_forty_tokens(tokenizer: Any, prompt: str) -> None:
    tokens = tokens_of(tokenizer, [prompt])

    assert tokens.shape == (1, parts.TOKENS)
    assert tokens[0, 0] == tokenizer.bos_token_id == 0
    assert tokens[0, -1] == tokenizer.eos_token_id == tokenizer.pad_token_id == 1
    assert int(tokens.max()) < len(tokenizer)


def test_captions_are_read_to_their_end(tokenizer: Any) -> None:
    lot = random.Random(9)
    lengths = [len(tokenizer(describe(scene, lot)).input_ids) for scene in SCENES]

    # Nonsense is spelt letter by letter and may push a caption's end out of sight; rarely.
    assert sum(length > parts.TOKENS for length in lengths) < len(lengths) / 50


def test_the_tokenizer_is_the_same_when_it_is_loaded_again(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import CLIPTokenizer

    tokenizer.save_pretrained(tmp_path)
    again = CLIPTokenizer.from_pretrained(tmp_path)
    lot = random.Random(10)
    captions = [describe(scene, lot) for scene in SCENES] + ["zorblax ünïcödé 日本 🙂"]

    assert again.model_max_length == parts.TOKENS
    assert torch.equal(tokens_of(again, captions), tokens_of(tokenizer, captions))


def test_a_whole_pipeline_of_the_parts_is_small_and_loads_as_stable_diffusion(tokenizer: Any, tmp_path: Path) -> None:
    from diffusers import AutoPipelineForText2Image, StableDiffusionPipeline

    torch.manual_seed(0)
    made = [parts.new_vae(), parts.new_unet(), parts.new_text_encoder(len(tokenizer))]
    vae, unet, text_encoder = (part.half() for part in made)
    parts.assemble(vae, unet, tokenizer, text_encoder).save_pretrained(tmp_path)

    # 25 MB is the promise for the repository; the LoRA and the checker come on top.
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 23_500_000
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".bin", ".pt", ".pkl"}]
    pipe = AutoPipelineForText2Image.from_pretrained(tmp_path, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    assert type(pipe) is StableDiffusionPipeline
    assert {type(part).__module__.partition(".")[0] for part in pipe.components.values() if part is not None} == {
        "diffusers",
        "transformers",
    }
    assert pipe("a red boat", num_inference_steps=1).images[0].size == (128, 128)


def test_latents_are_a_quarter_as_wide_and_pictures_come_back_whole() -> None:
    vae = parts.new_vae()
    with torch.no_grad():
        latents = vae.encode(torch.zeros(2, 3, 128, 128)).latent_dist.mean
        assert latents.shape == (2, *parts.LATENT_SHAPE)
        assert vae.decode(latents).sample.shape == (2, 3, 128, 128)


def test_the_schedule_ends_in_noise_alone() -> None:
    scheduler = parts.new_scheduler()

    assert float(scheduler.alphas_cumprod[-1]) == pytest.approx(0, abs=1e-6)
    scheduler.set_timesteps(10)
    assert int(scheduler.timesteps[0]) == scheduler.config.num_train_timesteps - 1
