"""What a lesson dwells on: pairs where it says so, and captions heard word by word alone."""

import numpy as np
import torch

from generation.starter.course import Chance
from generation.starter.data import scene_number
from generation.starter.parts import new_text_encoder, new_tokenizer, new_unet
from generation.starter.train_unet import UNET_LESSONS, _only_words, chosen_scenes, tokens_of


def test_some_rows_hear_words_alone_and_the_others_the_whole_caption_too() -> None:
    torch.manual_seed(1)
    tokenizer = new_tokenizer()
    text_encoder, unet = new_text_encoder(len(tokenizer)).eval(), new_unet().eval()
    text = text_encoder(tokens_of(tokenizer, ["a red boat", "a red boat"]))[0]
    silence = text_encoder(tokens_of(tokenizer, [""]))[0]
    heard: list[torch.Tensor] = []
    hook = unet.add_embedding.register_forward_hook(lambda _module, _inputs, vector: heard.append(vector))

    with torch.no_grad():
        with _only_words(unet, torch.tensor([True, False]), silence):
            unet(torch.zeros(2, 4, 32, 32), torch.tensor(999), text)
        unet(torch.zeros(2, 4, 32, 32), torch.tensor(999), text)
        expected = unet.add_embedding(silence)
    hook.remove()

    partly, wholly = heard[:2]
    assert torch.allclose(partly[0], expected[0], atol=1e-5)
    assert torch.allclose(partly[1], wholly[1], atol=1e-5)
    assert not torch.allclose(partly[0], wholly[0], atol=1e-3)


def test_a_lesson_on_pairs_asks_for_pairs() -> None:
    scenes = [scene_number(number, 1) for number in range(300)]
    lesson = UNET_LESSONS[1]
    chance = Chance.of(lesson.course.seed, 3)
    pairs = np.array([number for number, scene in enumerate(scenes) if len(scene.things) == 2])

    chosen = chosen_scenes(lesson, len(scenes), pairs, chance)

    share = sum(len(scenes[number].things) == 2 for number in chosen) / len(chosen)
    assert len(chosen) == lesson.course.batch
    assert share > 0.6
