"""Words in the placeholder: passing lines, last words, private words, and Slack not taking them."""

from collections.abc import Callable

import pytest

from bot.messenger import TryAgain, Undeliverable
from bot.slack.adapter import SlackAdapter
from generation.request import GenerationRequest
from tests.integration.slack.delivering import Journal, Killed, pictures, request_by_hand, told
from tests.integration.slack.front import Front
from tests.peers.slack import SlackPeer


class TestProgress:
    async def test_the_line_in_the_placeholder_changes(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest
    ) -> None:
        await adapter.messenger.progress(request_, "Drawing, 40 %.", 40)
        message = peer.messages()[0]
        assert message.words == "alice: “a boat”\nDrawing, 40 %."
        assert len(message.buttons) == 1

    async def test_a_workspace_is_not_edited_more_than_forty_times_a_minute(
        self, adapter: SlackAdapter, peer: SlackPeer, front: Front, request_: GenerationRequest
    ) -> None:
        for second in range(60):
            front.now += 1000
            for _ in range(3):
                await adapter.messenger.progress(request_, f"Drawing, {second} %.", second)
        assert 35 <= len(peer.calls("chat.update")) <= 40

    @pytest.mark.parametrize("fault", [{"status": 429, "retry_after": 30}, {"status": 500}, {"drop": True}])
    async def test_a_line_that_slack_does_not_take_is_lost_quietly(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest, fault: dict[str, object]
    ) -> None:
        peer.fail("chat.update", **fault)
        await adapter.messenger.progress(request_, "Drawing, 40 %.", 40)
        assert len(peer.calls("chat.update")) == 1

    async def test_a_rate_limit_silences_progress_for_as_long_as_slack_asks(
        self, adapter: SlackAdapter, peer: SlackPeer, front: Front, request_: GenerationRequest
    ) -> None:
        peer.fail("chat.update", status=429, retry_after=30)
        await adapter.messenger.progress(request_, "Drawing, 40 %.", 40)
        front.now += 29_000
        await adapter.messenger.progress(request_, "Drawing, 50 %.", 50)
        assert len(peer.calls("chat.update")) == 1
        front.now += 4_000
        await adapter.messenger.progress(request_, "Drawing, 60 %.", 60)
        assert "60 %" in peer.messages()[0].words

    async def test_without_a_placeholder_nothing_is_said(
        self, adapter: SlackAdapter, peer: SlackPeer, bare: GenerationRequest
    ) -> None:
        await adapter.messenger.progress(bare, "Drawing.", None)
        assert not peer.calls("chat.update")


class TestWords:
    async def test_a_failure_replaces_the_placeholder(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest
    ) -> None:
        message = told(lines=("Tiny ran out of memory. A smaller size may work.", "Nothing was charged."))
        ts = await adapter.messenger.deliver(request_, message, Journal().receipt())
        assert [m.ts for m in peer.messages()] == [ts]
        assert peer.messages()[0].words == (
            "alice: “a boat”\nTiny ran out of memory. A smaller size may work.\nNothing was charged."
        )
        assert not peer.messages()[0].buttons

    async def test_a_held_picture_and_later_the_picture(
        self, adapter: SlackAdapter, peer: SlackPeer, bare: GenerationRequest
    ) -> None:
        before = len(peer.messages())
        await adapter.messenger.deliver(bare, told(lines=("It is held back.",)), Journal().receipt())
        await adapter.messenger.deliver(bare, told(pictures=pictures()), Journal().receipt())
        held, shared = peer.messages()[before:]
        assert held.words == "Done. The picture is below."
        assert shared.file_ids

    @pytest.mark.parametrize("dies", ["before", "after"])
    async def test_without_a_placeholder_they_are_said_once_even_if_killed(
        self, adapter: SlackAdapter, peer: SlackPeer, bare: GenerationRequest, dies: str
    ) -> None:
        journal = Journal(dies_at=1, dies_after=dies == "after")
        message = told(lines=("Nothing was charged.",))
        with pytest.raises(Killed):
            await adapter.messenger.deliver(bare, message, journal.receipt())
        await adapter.messenger.deliver(bare, message, journal.receipt())
        await adapter.messenger.deliver(bare, message, journal.receipt())
        assert sum("Nothing was charged." in m.words for m in peer.messages()) == 1

    async def test_a_deleted_placeholder_is_replaced(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest
    ) -> None:
        peer.space.messages.clear()
        await adapter.messenger.deliver(request_, told(lines=("Nothing was charged.",)), Journal().receipt())
        assert "Nothing was charged." in peer.messages()[0].words

    async def test_what_only_the_member_may_see_leaves_no_prompt_in_public(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest
    ) -> None:
        message = told(lines=("OpenAI declined this prompt.", "Nothing was charged."), private=True)
        journal = Journal()
        for _ in range(2):
            await adapter.messenger.deliver(request_, message, journal.receipt())
        assert [e.words for e in peer.ephemerals()] == ["“a boat”\nOpenAI declined this prompt.\nNothing was charged."]
        assert peer.messages()[0].words == "This request ended without a picture; only the member was told why."

    async def test_a_private_word_that_slack_refused_is_said_at_the_next_attempt(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest
    ) -> None:
        journal = Journal()
        peer.fail("chat.postEphemeral", status=429, retry_after=40)
        with pytest.raises(TryAgain):
            await adapter.messenger.deliver(request_, told(private=True), journal.receipt())
        await adapter.messenger.deliver(request_, told(private=True), journal.receipt())
        assert len(peer.ephemerals()) == 1

    async def test_a_private_word_whose_fate_is_open_is_not_said_twice(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest
    ) -> None:
        journal = Journal()
        peer.fail("chat.postEphemeral", drop=True, after=True)
        with pytest.raises(TryAgain):
            await adapter.messenger.deliver(request_, told(private=True), journal.receipt())
        await adapter.messenger.deliver(request_, told(private=True), journal.receipt())
        assert len(peer.ephemerals()) == 1


class TestTrouble:
    @pytest.mark.parametrize("error", ["channel_not_found", "not_in_channel", "is_archived"])
    @pytest.mark.parametrize("what", ["picture", "words"])
    async def test_what_cannot_get_better_is_undeliverable(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest, error: str, what: str
    ) -> None:
        shown = pictures() if what == "picture" else ()
        peer.fail("files.completeUploadExternal" if shown else "chat.update", error=error)
        with pytest.raises(Undeliverable, match=error):
            await adapter.messenger.deliver(request_, told(pictures=shown), Journal().receipt())

    @pytest.mark.parametrize("error", ["file_uploads_disabled", "missing_scope", "storage_limit_reached"])
    async def test_where_files_are_refused_words_still_arrive(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest, error: str
    ) -> None:
        peer.fail("files.getUploadURLExternal", error=error)
        with pytest.raises(Undeliverable, match=error) as caught:
            await adapter.messenger.deliver(request_, told(pictures=pictures()), Journal().receipt())
        assert not caught.value.told
        words = told(lines=("The picture could not be shown here.",))
        await adapter.messenger.deliver(request_, words, Journal().receipt())
        (message,) = peer.messages()
        assert message.words.endswith("The picture could not be shown here.")
        assert message.buttons == []

    @pytest.mark.parametrize("error", ["account_inactive", "invalid_auth", "token_revoked"])
    async def test_an_answer_outlives_a_token_that_is_renewed(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest, error: str
    ) -> None:
        journal = Journal()
        peer.fail("files.getUploadURLExternal", error=error)
        with pytest.raises(TryAgain, match=error):
            await adapter.messenger.deliver(request_, told(pictures=pictures()), journal.receipt())
        await adapter.messenger.deliver(request_, told(pictures=pictures()), journal.receipt())
        assert len(peer.messages()) == 2

    @pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}, {"error": "fatal_error"}])
    async def test_what_may_get_better_is_tried_again(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest, fault: dict[str, object]
    ) -> None:
        peer.fail("chat.update", **fault)
        with pytest.raises(TryAgain):
            await adapter.messenger.deliver(request_, told(), Journal().receipt())

    @pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload"])
    async def test_an_upload_that_slack_does_not_take_is_tried_again(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest, step: str
    ) -> None:
        journal = Journal()
        peer.fail(step, status=503)
        with pytest.raises(TryAgain):
            await adapter.messenger.deliver(request_, told(pictures=pictures()), journal.receipt())
        await adapter.messenger.deliver(request_, told(pictures=pictures()), journal.receipt())
        assert len(peer.messages()) == 2

    async def test_a_slack_that_is_gone_is_tried_again(self, build: Callable[..., SlackAdapter]) -> None:
        lost = build(api_url="http://127.0.0.1:9/api/")
        with pytest.raises(TryAgain):
            await lost.messenger.deliver(request_by_hand(), told(), Journal().receipt())

    async def test_the_messenger_works_before_the_adapter_runs(
        self, peer: SlackPeer, build: Callable[..., SlackAdapter]
    ) -> None:
        await build().messenger.deliver(request_by_hand(), told(pictures=pictures()), Journal().receipt())
        assert peer.messages()[0].file_ids

    async def test_nothing_said_pings(
        self, adapter: SlackAdapter, peer: SlackPeer, request_: GenerationRequest
    ) -> None:
        nasty = "<!channel> <@U0BOB> @everyone *bold* <https://x.example|click> :tada: \u202egnp"
        for message in (told(prompt=nasty), told(prompt=nasty, private=True), told(prompt=nasty, pictures=pictures())):
            await adapter.messenger.deliver(request_, message, Journal().receipt())
        assert not peer.anything_pings()
        said = peer.messages()[0].history[-2][1][0]["text"]
        assert said["type"] == "plain_text"
        assert said["text"].startswith("alice: “&lt;!channel&gt; &lt;@U0BOB&gt; @everyone *bold*")
        assert "\u202e" not in said["text"]
