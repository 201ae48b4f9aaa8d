"""Bad input: each ends in a plain sentence or a logged rejection, and the adapter lives on."""

import re
from typing import Any

import pytest

from bot.discord.adapter import DiscordAdapter
from tests.integration.discord.conftest import shows
from tests.integration.discord.front import Front, Notes, result
from tests.peers.discord import DiscordPeer

PROMPTS = {
    "empty": "",
    "4,000 characters": "glorp " * 666,
    "control characters": "a\x07\x1b[31mboat\x7f",
    "bidi": "a \u202etaob\u202c \u2066x\u2069",
    "everyone": "@everyone @here <@1> <@&2> <#3>",
    "markdown": "**a** __b__ ~~c~~ ||d|| `e` ```f``` [g](https://evil.example) > h\n# i\n- j\n1. k",
    "links": "https://evil.example discord.gg/evil <https://evil.example>",
    "nul": "a\x00boat",
    "emoji only": "🚣‍♀️🌅",
    "lone surrogate": "a\ud800boat",
}

# What Discord would act on: mentions, formatting, links and invites without a backslash before them.
LIVE = re.compile(r"(?<!\\)(<[@#:/t]|@|[*_~`|\[\]]|://)|discord\.gg")


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
async def test_a_strange_prompt_is_shown_letter_by_letter_and_pings_nobody(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter, prompt: str
) -> None:
    handle = await peer.interaction("imagine", {"prompt": prompt})
    await peer.until(shows(handle, "Next in line"))
    assert front.asks[0].prompt == prompt, "submit cleans it, not the adapter"
    request = front.requests[f"discord-{handle.id}"]
    await adapter.messenger.deliver(request, result(request), Notes().receipt())
    assert peer.refused == []
    edits = [call.body for call in peer.store.calls if call.method in {"PATCH", "POST"} and call.body]
    assert all(body["allowed_mentions"] == {"parse": []} for body in edits if "components" in body)
    assert handle.message is not None
    text = handle.message.text
    assert "\x00" not in text
    assert "\u202e" not in text
    words_of_theirs = [line.removeprefix("> ") for line in text.split("\n") if line.startswith("> ")]
    assert len(words_of_theirs) == (1 if prompt else 0)
    assert not any(LIVE.search(line) for line in words_of_theirs)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"name": "imagine", "type": 1, "id": "1"}, "does not fit"),
        (
            {"name": "imagine", "type": 1, "id": "1", "options": [{"name": "prompt", "type": 4, "value": 5}]},
            "not those of",
        ),
        ({"name": "imagine", "type": 1, "id": "1", "options": [{"name": "prompt", "type": 3, "value": 5}]}, "another"),
        ({"name": "imagine", "type": 1, "id": "1", "options": "prompt"}, "not a list"),
        ({"name": "imagine", "type": 1, "id": "1", "options": [{"type": 3}]}, "no name"),
        ({"name": "imagine", "type": 1, "id": "1", "options": [{"name": "prompt", "type": 3}]}, "no value"),
        ({"name": "nonsense", "type": 1, "id": "1", "options": []}, "does not fit"),
        ({"name": "filter", "type": 1, "id": "1", "options": []}, "does not fit"),
        ({"type": 1, "id": "1"}, "no name"),
    ],
)
async def test_a_damaged_command_is_answered_by_a_sentence(  # noqa: PLR0917 - fixtures are arguments
    peer: DiscordPeer,
    front: Front,
    adapter: DiscordAdapter,
    caplog: pytest.LogCaptureFixture,
    data: dict[str, Any],
    why: str,
) -> None:
    handle = await peer.push(2, data)
    await peer.acknowledged(handle)
    await peer.until(lambda: bool(handle.private))
    assert handle.private[0].text.endswith("try again.") or handle.private[0].text.endswith("Try it again.")
    assert why in caplog.text
    assert front.asks == []


async def test_a_payload_that_cannot_be_read_at_all_is_logged_and_the_next_command_works(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter, caplog: pytest.LogCaptureFixture
) -> None:
    connections = peer.gateway.connections
    for missing in ({"token": None}, {"id": "x"}, {"member": {"user": 5}}, {"channel": 7}, {"type": None}):
        await peer.push(2, {"name": "imagine", "type": 1, "id": "1"}, **missing)
    await peer.push(3, {"no": "custom id"})
    await peer.push(2, [1, 2])  # type: ignore[arg-type]  # damaged on purpose
    handle = await peer.interaction("imagine", {"prompt": "a boat"})
    await peer.until(shows(handle, "Next in line"))
    assert "a malformed interaction was refused" in caplog.text
    assert peer.gateway.connections == connections, "the connection survived"
    assert len(front.asks) == 1


async def test_a_command_from_a_direct_message_is_refused(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter
) -> None:
    user = {"id": str(peer.member_id), "username": "alice", "discriminator": "0", "avatar": None}
    handle = await peer.push(
        2,
        {"name": "imagine", "type": 1, "id": "1", "options": [{"name": "prompt", "type": 3, "value": "a"}]},
        guild_id=None,
        guild=None,
        member=None,
        user=user,
    )
    await peer.until(lambda: bool(handle.private))
    assert handle.private[0].text == "This works in a server only."
    assert front.asks == []


@pytest.mark.parametrize("options", [{"seed": -1}, {"seed": 2**53}, {"count": 0}, {"count": 99}, {"size": "9x9x9"}])
async def test_numbers_out_of_range_reach_submit_which_says_so(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter, options: dict[str, Any]
) -> None:
    """Discord's clients hold to the declared limits; another client's values are submit's to refuse."""
    await peer.interaction("imagine", {"prompt": "a", **options})
    await peer.until(lambda: bool(front.asks))
    ask = front.asks[0]
    given = {"seed": ask.seed, "count": ask.count, "size": ask.size}
    assert options.items() <= given.items()
