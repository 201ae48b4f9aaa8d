"""`/imagine`: from the command to the placeholder, refusals and repeated events."""

import asyncio

import pytest

from bot.discord.adapter import DiscordAdapter
from generation.refusals import EmptyPrompt, PromptRejected
from generation.request import Platform
from tests.integration.discord.conftest import Asked, shows
from tests.integration.discord.front import Front
from tests.peers.discord import DiscordPeer

NOT_TO_BE_SEEN = "we do not show this"


async def test_the_placeholder_thinks_then_says_where_in_line(peer: DiscordPeer, asked: Asked) -> None:
    handle, _ = asked
    assert handle.response_type == 5
    assert handle.message is not None
    assert handle.message.shown == ["is thinking…", "> a red boat at dusk\nNext in line, about 3 s.\n[Cancel]"]
    assert peer.refused == []


async def test_the_ask_holds_what_the_member_chose(peer: DiscordPeer, front: Front, adapter: DiscordAdapter) -> None:
    options = {"prompt": "a boat", "model": "model-3", "size": "768x512", "seed": 41, "count": 4}
    handle = await peer.interaction("imagine", options, role_ids=(77, 78))
    await peer.until(lambda: bool(front.asks))
    ask = front.asks[0]
    assert ask.id == f"discord-{handle.id}"
    assert (ask.prompt, ask.model, ask.size, ask.seed, ask.count) == ("a boat", "model-3", "768x512", 41, 4)
    assert ask.requester.account == f"discord:{peer.store.guild_id}:{peer.member_id}"
    assert ask.requester.role_ids == ("77", "78"), "roles that are not in the cache count as well"
    assert ask.reply_to.platform is Platform.DISCORD
    assert ask.reply_to.channel_id == str(peer.store.channel_id)
    assert ask.reply_to.thread_id is None
    assert ask.reply_to.placeholder_id == str(handle.original.id if handle.original else None)
    assert ask.reply_to.token == handle.token
    assert ask.reply_to.token_expires_at is not None
    assert 14 * 60_000 < ask.reply_to.token_expires_at - handle.created_ms < 15 * 60_000
    assert handle.token not in repr(ask)


async def test_options_left_out_are_left_to_submit(peer: DiscordPeer, front: Front, asked: Asked) -> None:
    ask = front.asks[0]
    assert (ask.model, ask.size, ask.seed, ask.count) == (None, None, None, 1)


async def test_in_a_thread_the_answer_goes_to_the_thread(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter
) -> None:
    await peer.interaction("imagine", {"prompt": "a boat"}, channel_id=peer.store.thread_id)
    await peer.until(lambda: bool(front.asks))
    assert front.asks[0].reply_to.thread_id == str(peer.store.thread_id)
    assert front.asks[0].reply_to.channel_id == str(peer.store.channel_id)


async def test_the_acknowledgement_does_not_wait_for_submit(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter
) -> None:
    front.submitting.clear()
    handles = await asyncio.gather(*(peer.interaction("imagine", {"prompt": "a boat"}) for _ in range(20)))
    await asyncio.gather(*(peer.acknowledged(handle) for handle in handles))
    assert front.asks == []
    front.submitting.set()
    await peer.until(lambda: all(shows(handle, "Next in line")() for handle in handles))


async def test_a_refusal_is_seen_by_the_asker_alone(peer: DiscordPeer, front: Front, adapter: DiscordAdapter) -> None:
    front.refusal = PromptRejected(term="glorp", case="4F2K")
    handle = await peer.interaction("imagine", {"prompt": "a glorp"})
    await peer.until(lambda: bool(handle.followups))
    told = handle.followups[0]
    assert told.ephemeral
    assert told.only_for == peer.member_id
    assert told.text == "Prompts that mention “glorp” are not drawn here. Nothing was charged. Case 4F2K."
    assert handle.message is None, "the thinking message is taken away"
    assert peer.store.in_channel(peer.store.channel_id) == []


async def test_a_refusal_stands_in_the_placeholder_if_that_cannot_be_taken_away(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter
) -> None:
    front.refusal = EmptyPrompt()
    peer.fault("DELETE", "/messages/@original", 403, code=50001)
    handle = await peer.interaction("imagine", {"prompt": " "})
    await peer.until(shows(handle, "The prompt is empty"))
    assert handle.followups == []


async def test_a_repeated_event_gives_no_second_answer(peer: DiscordPeer, front: Front, asked: Asked) -> None:
    handle, _ = asked
    await peer.redeliver(handle)
    other = await peer.interaction("imagine", {"prompt": "another"})
    await peer.until(shows(other, "Next in line"))
    assert [ask.id for ask in front.asks] == [f"discord-{handle.id}", f"discord-{other.id}"]
    assert peer.refused == [], "it is not even acknowledged again"
    assert handle.message is not None
    assert len(handle.message.shown) == 2


async def test_an_acknowledgement_whose_answer_was_lost_is_not_a_lost_command(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter
) -> None:
    fault = peer.fault("POST", "/callback", after=True, drop=True)
    handle = await peer.interaction("imagine", {"prompt": "a boat"})
    await peer.until(shows(handle, "Next in line"))
    assert fault.hits
    assert [call.code for call in peer.refused] == [0, 40060]
    assert len(front.asks) == 1


async def test_a_command_that_is_acknowledged_too_late_is_not_submitted(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter, caplog: pytest.LogCaptureFixture
) -> None:
    late = await peer.interaction("imagine", {"prompt": NOT_TO_BE_SEEN})
    late.created_ms -= 4_000  # before the adapter has had a turn to answer
    await peer.until(lambda: any(call.code == 10062 for call in peer.refused))
    await peer.until(lambda: "was lost before it began" in caplog.text)
    assert front.asks == []
    assert late.response_type is None
    assert NOT_TO_BE_SEEN not in caplog.text


async def test_a_bug_becomes_one_plain_sentence_and_a_logged_event(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter, caplog: pytest.LogCaptureFixture
) -> None:
    front.error = RuntimeError("a bug of ours")
    handle = await peer.interaction("imagine", {"prompt": NOT_TO_BE_SEEN})
    await peer.until(lambda: bool(handle.followups))
    told = handle.followups[0]
    assert told.ephemeral
    event = told.text.rsplit(" ", 1)[-1].rstrip(".")
    assert told.text == f"Something went wrong on our side. The operator can find it in the log as {event}."
    assert f"event {event}" in caplog.text
    assert NOT_TO_BE_SEEN not in caplog.text
    assert handle.token not in caplog.text
    assert peer.refused == []


async def test_models_beyond_discords_twenty_five_are_found_by_typing(
    peer: DiscordPeer, adapter: DiscordAdapter
) -> None:
    handle = await peer.interaction("imagine", {"prompt": "a", "model": ""}, focused="model")
    await peer.acknowledged(handle)
    assert len(handle.choices) == 25
    handle = await peer.interaction("imagine", {"prompt": "a", "model": "zepp"}, focused="model")
    await peer.acknowledged(handle)
    assert handle.choices == [{"name": "Zeppelin XL", "value": "model-39"}]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"model": "model-39", "size": ""}, ["1024x1024"]),
        ({"size": "768"}, ["768x512"]),
        ({"size": ""}, ["512x512", "768x512"]),
        ({"model": "no such model", "size": ""}, []),
    ],
)
async def test_sizes_are_those_of_the_chosen_model(
    peer: DiscordPeer, adapter: DiscordAdapter, options: dict[str, str], expected: list[str]
) -> None:
    handle = await peer.interaction("imagine", {"prompt": "a", **options}, focused="size")
    await peer.acknowledged(handle)
    assert [choice["value"] for choice in handle.choices] == expected
