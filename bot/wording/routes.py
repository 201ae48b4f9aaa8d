"""The words for why a model makes a picture, and why another does not.

Owns the wording of `generation.routing`. Pure.
"""

from collections.abc import Mapping

from generation.refusals import CannotServe
from generation.routing import Bar

_BARS: Mapping[Bar, str] = {
    Bar.LICENCE: "its licence does not let it serve this bot",
    Bar.GONE: "its provider has shut it down",
    Bar.TASK: "it cannot do this kind of picture",
    Bar.REFERENCES: "it takes fewer pictures beside the prompt",
    Bar.LORA: "it takes no LoRA",
    Bar.SIZE: "it does not draw this size",
    Bar.COUNT: "it draws fewer at a time",
    Bar.LEAVES_HERE: "prompts may not leave this machine here",
    Bar.CLOSED: "only open models are allowed here",
    Bar.NOT_COMMERCIAL: "its licence is not clear for commercial use, which is asked for here",
    Bar.PRICE_UNKNOWN: "nobody can say what it costs, and there is a limit here",
    Bar.TOO_DEAR: "it costs more than is allowed here",
    Bar.NOT_OFFERED: "it is not on offer here",
}


def cannot_serve(refusal: CannotServe) -> str:
    """Why the model that was asked for does not make this picture, and what is on offer where it is not."""
    why = "; ".join(_BARS[bar] for bar in refusal.bars)
    sentences = [f"{refusal.title} is not to be had for this: {why}."]
    if refusal.detail:
        sentences.append(f"Instead: {refusal.detail}." if Bar.GONE in refusal.bars else refusal.detail)
    if refusal.instead:
        sentences.append(f"On offer: {', '.join(refusal.instead)}.")
    return " ".join(sentences)
