import dataclasses
from typing import Any

import pytest

from bot.discord import layout
from bot.messenger import Message, Picture
from generation.backends.understood import understood
from generation.request import GenerationParams, GenerationRequest, Platform, ReplyTo, Requester
from tests.making_jobs import local_entry
from tests.unit.bot.discord.test_text import LINE_LIVE, LIVE


def request(name: str = "discord-1") -> GenerationRequest:
    return GenerationRequest(
        id=name,
        requester=Requester(platform=Platform.DISCORD, workspace_id="1", user_id="2"),
        reply_to=ReplyTo(platform=Platform.DISCORD, channel_id="3"),
        model="m",
        pool="gpu",
        prompt="a boat",
        params=GenerationParams(width=64, height=64, num_images=1, seed=1),
        created_at=0,
    )


PICTURE = Picture("tessera-abc-1.png", b"x", "image/png", "A boat")
DONE = Message(lines=("seed 7 · 36 of 40 left today",), prompt="a boat", pictures=(PICTURE,))
HELD = Message(lines=("The picture is held back.",), prompt="a boat")


def shown(message: Message) -> list[dict[str, Any]]:
    view = layout.final(request(), message)
    components: list[dict[str, Any]] = view.to_components()  # type: ignore[no-untyped-call]  # discord.py left it so
    return components


def test_a_message_keeps_its_key_while_its_caption_changes() -> None:
    later = dataclasses.replace(DONE, lines=("seed 7 · 35 of 40 left today",))
    assert layout.key(request(), DONE) == layout.key(request(), later)
    assert len(layout.key(request(), DONE)) <= 25


def test_different_messages_have_different_keys() -> None:
    keys = {layout.key(request(name), message) for name in ("discord-1", "discord-2") for message in (DONE, HELD)}
    assert len(keys) == 4


def test_a_mark_is_a_component_id_that_discord_does_not_give_away_itself() -> None:
    for number in range(200):
        assert 1000 <= layout.mark(request(f"discord-{number}"), DONE) < 2**31


def test_the_longest_message_fits_into_discords_limit() -> None:
    message = Message(lines=("*" * 5000,) * 10, prompt="*" * 5000)
    text = shown(message)[-1]["content"]
    assert len(text) <= 4000


@pytest.mark.parametrize(
    "word", ["@everyone", "<@1>", "**loud**", "[x](https://evil.example)", "discord.gg/x", "# big"]
)
def test_a_members_words_in_a_note_stay_plain(word: str) -> None:
    """Notes hold words of the prompt: the model's own sentence takes only letters, and any sentence is escaped."""
    made = understood(local_entry({"shipped": "starter"}), f"boat {word}", 100)
    for note in (*made, f"Understood: {word}", word):
        text = shown(dataclasses.replace(DONE, lines=(note,)))[-1]["content"]
        small_print = text.splitlines()[-1].removeprefix("-# ")
        assert not LIVE.search(small_print)
        assert not LINE_LIVE.search(small_print)


def test_a_message_without_any_words_still_has_something_to_show() -> None:
    components = shown(Message(lines=(), prompt=""))
    assert components[-1]["content"] == "…"


def test_a_picture_without_description_has_none() -> None:
    message = dataclasses.replace(DONE, pictures=(dataclasses.replace(PICTURE, alt_text=""),))
    item = shown(message)[0]["items"][0]
    assert not item.get("description")
