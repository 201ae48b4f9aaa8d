"""How a scene of the starter's world is put into words, and which words of a prompt it understands.

Owns the captions' grammar, the vocabulary that follows from it, and `read_prompt`. It must not know pictures or
tensors. Captions vary in synonyms, order, articles and length, and some carry words that mean nothing here, so that
the model learns to pass over what it does not know.
"""

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from generation.starter.world import COLOURS, PLACES, POSITIONS, SIZES, STYLES, SUBJECTS, TIMES, Scene, Thing

_COUNTS: Mapping[int, tuple[str, ...]] = {2: ("two", "a pair of", "2"), 3: ("three", "3")}
_PLURALS: Mapping[str, str] = {"fish": "fish", "automobile": "automobiles", "blossom": "blossoms"}
_BETWEEN = ("and", "next to", "beside", "with")
_WORD = re.compile(r"[^\W_]+")
# Words that join others: understood, but not worth telling anybody.
_FILLERS = frozenset(
    re.findall(
        "[a-z]+",
        "a an the of in on at to by and with is are it its there some one next beside from before among during under "
        "for picture drawing image painting photo view scene showing show please draw paint make me",
    )
)
_FRAMES = ("a picture of", "a drawing of", "an image of", "a painting of", "a view of", "a scene showing")
# Ornaments people are used to add; the model learns that they change nothing.
_ORNAMENTS = ("beautiful", "highly detailed", "masterpiece", "4k", "cute", "best quality", "vibrant", "cinematic")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Reading:
    """Which words of a prompt mean something to the starter model, in the order they stand, each once."""

    known: tuple[str, ...]
    unknown: tuple[str, ...]


def describe(scene: Scene, lot: random.Random) -> str:
    """One caption of the scene. The place may go unsaid, as may day and the paper style, which are the usual ones."""
    if lot.random() < 0.12:
        return _tags(scene, lot)
    parts = [_subjects(scene, lot), *_setting(scene, lot)]
    setting_first = lot.random() < 0.2 and len(parts) > 1
    text = ", ".join([" ".join(parts[1:]), parts[0]]) if setting_first else " ".join(parts)
    if style := _style(scene, lot):
        text = lot.choice((f"{text}, {style}", f"{text} {style}", f"{style}: {text}", f"{style}, {text}"))
    elif lot.random() < 0.12 and not setting_first:
        text = f"{lot.choice(_FRAMES)} {text}"
    return _ornamented(text, lot) if lot.random() < 0.2 else text


def read_prompt(prompt: str) -> Reading:
    """Sort a prompt's words into those the model was taught and those it passes over. Joining words are in neither."""
    words = [word for word in dict.fromkeys(_WORD.findall(prompt.lower())) if word not in _FILLERS]
    taught = vocabulary()
    return Reading(tuple(w for w in words if w in taught), tuple(w for w in words if w not in taught))


@cache
def vocabulary() -> frozenset[str]:
    """Every word that a caption may hold, ornaments and nonsense left out: what the tokenizer keeps whole."""
    named = (SUBJECTS, COLOURS, PLACES, TIMES, STYLES, SIZES, POSITIONS)
    phrases = [phrase for names in named for words in names.values() for phrase in words]
    phrases += [_plural(word) for words in SUBJECTS.values() for word in words]
    phrases += [word for words in _COUNTS.values() for word in words]
    phrases += [*_BETWEEN, *_FRAMES, "a an the in of left", "hot air balloon", "an empty place", "nothing"]
    return frozenset(_words(phrases))


def _words(phrases: Iterable[str]) -> Iterable[str]:
    return (word for phrase in phrases for word in _WORD.findall(phrase))


def _subjects(scene: Scene, lot: random.Random) -> str:
    if not scene.things:
        return lot.choice(("an empty place", "nothing", "a view"))
    phrases = [_spoken(thing, lot) for thing in scene.things]
    if len(phrases) == 2:
        how = lot.random()
        if how < 0.2:
            return f"{phrases[0]} {lot.choice(('to the left of', 'left of', 'on the left of'))} {phrases[1]}"
        if how < 0.4:
            return f"{phrases[1]} {lot.choice(('to the right of', 'right of', 'on the right of'))} {phrases[0]}"
        return f"{phrases[0]} {lot.choice(_BETWEEN)} {phrases[1]}"
    if scene.position:
        return f"{phrases[0]} {lot.choice(POSITIONS[scene.position][:2])}"
    return phrases[0]


def _spoken(thing: Thing, lot: random.Random) -> str:
    noun = thing.subject if lot.random() < 0.7 else lot.choice(SUBJECTS[thing.subject])
    if noun == "balloon" and lot.random() < 0.2:
        noun = "hot air balloon"
    colour = thing.colour if lot.random() < 0.8 else lot.choice(COLOURS[thing.colour])
    return _phrase(thing, noun, colour, lot)


def _phrase(thing: Thing, noun: str, colour: str, lot: random.Random) -> str:
    size = f"{lot.choice(SIZES[thing.size])} " if thing.size else ""
    if thing.count > 1:
        return f"{lot.choice(_COUNTS[thing.count])} {size}{colour} {_plural(noun)}"
    words = f"{size}{colour} {noun}"
    if (say := lot.random()) < 0.72:
        return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
    if say < 0.8:
        return f"the {words}"
    if say < 0.88:
        return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun} in {colour}" if not size else words
    return words


def _setting(scene: Scene, lot: random.Random) -> list[str]:
    place = [lot.choice(PLACES[scene.place][:-1])] if lot.random() < 0.9 else []
    says_time = lot.random() < (0.3 if scene.time == "day" else 0.95)
    time = [lot.choice(TIMES[scene.time][:-1])] if says_time else []
    return [*place, *time] if lot.random() < 0.8 else [*time, *place]


def _style(scene: Scene, lot: random.Random) -> str:
    says = lot.random() < (0.15 if scene.style == "paper" else 0.97)
    return lot.choice(STYLES[scene.style]) if says else ""


def _tags(scene: Scene, lot: random.Random) -> str:
    """The scene as a list of key words, as people type who know other models."""
    tags = [_phrase(thing, thing.subject, thing.colour, lot) for thing in scene.things]
    if len(scene.things) == 1 and scene.position:
        tags.append(POSITIONS[scene.position][-1])
    tags.append(PLACES[scene.place][-1])
    if scene.time != "day" or lot.random() < 0.3:
        tags.append(TIMES[scene.time][-1])
    if style := _style(scene, lot):
        tags.append(style)
    if len(scene.things) == 1:
        lot.shuffle(tags)
    return ", ".join(tags)


def _ornamented(text: str, lot: random.Random) -> str:
    """The text with a word or two that mean nothing here."""
    words = text.split(" ")
    for _ in range(lot.randint(1, 2)):
        extra = lot.choice(_ORNAMENTS) if lot.random() < 0.4 else _nonsense(lot)
        words.insert(lot.choice((0, len(words), lot.randint(0, len(words)))), extra)
    return " ".join(words)


def _nonsense(lot: random.Random) -> str:
    """Letters at random that happen to be no word of ours."""
    while (word := "".join(lot.choices(_LETTERS, k=lot.randint(3, 9)))) in vocabulary():
        pass
    return word


def _plural(noun: str) -> str:
    first, _, last = noun.rpartition(" ")
    many = _PLURALS.get(last) or (last + "es" if last.endswith("sh") else last + "s")
    return f"{first} {many}" if first else many
