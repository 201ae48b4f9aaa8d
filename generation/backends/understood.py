"""What a model with few words made of a prompt, in one sentence for the member.

Owns that sentence. It must not know pipelines. Words are letters and digits only and few, however long the prompt is;
adapters escape them all the same, as every note.
"""

import re
from collections.abc import Sequence

from generation.catalogue import ModelEntry
from generation.starter.captions import read_prompt
from generation.starter.world import SUBJECTS

_MOST_WORDS = 10
_LONGEST_WORD = 24
_BROKEN_WORD = re.compile(r"[^\W_]+\Z")


def understood(entry: ModelEntry, prompt: str, read: int) -> tuple[str, ...]:
    """Which words of the prompt it understood and which it passed over; nothing for models that read everything.

    Of the prompt it read the first `read` characters; a word broken off there counts as neither.
    """
    if entry.arguments.get("shipped") != "starter":
        return ()
    part = prompt[:read]
    reading = read_prompt(_BROKEN_WORD.sub("", part) if prompt[read : read + 1].isalnum() else part)
    if not reading.known:
        return (f"{entry.title} knows none of these words. It draws: {', '.join(SUBJECTS)}.",)
    passed_over = f" Not in its world: {_listed(reading.unknown)}." if reading.unknown else ""
    return (f"Understood: {_listed(reading.known)}.{passed_over}",)


def _listed(words: Sequence[str]) -> str:
    shown = [w if len(w) <= _LONGEST_WORD else f"{w[: _LONGEST_WORD - 1]}…" for w in words[:_MOST_WORDS]]
    more = len(words) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
