"""The main job, end to end: real processes, both chat platforms, a diffusers and an OpenAI model, checks and refunds.

Front, worker and redis-server are the processes an operator starts; discord.py, slack-bolt and openai are unmodified;
only the platforms are stand-ins. One house serves all tests of this module.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.conftest import RedisServer
from tests.house import House, until
from tests.peers.discord.peer import TOKEN, DiscordPeer
from tests.peers.openai.peer import OpenAIPeer
from tests.peers.slack import SlackPeer

# A worker imports torch, which takes several seconds on two busy cores.
pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True)
class Town:
    """A house and the platforms around it."""

    house: House
    discord: DiscordPeer
    slack: SlackPeer
    openai: OpenAIPeer

    def logs(self) -> str:
        return self.house.log("front") + self.house.log("worker")

    async def discord_shows(self, words: str, **options: object) -> tuple[str, list[bytes]]:
        """Ask in Discord and wait until somebody, the asker at least, sees these words; then all text and pictures."""
        asked = await self.discord.interaction("imagine", dict(options))

        def seen() -> str:
            private = [message.text for message in asked.private]
            return "\n".join([asked.message.text if asked.message else "", *private])

        text = await until(seen, lambda text: words in text, 60, self.logs)
        return text, [picture.data for picture in asked.message.pictures] if asked.message else []

    def last(self) -> tuple[str, int, int, int]:
        """The newest request: its state, and what was held, settled and released for it."""
        return self.house.rows(
            """SELECT r.state, sum(l.amount) FILTER (WHERE l.kind = 'hold'),
                      coalesce(sum(l.amount) FILTER (WHERE l.kind = 'settle'), 0),
                      coalesce(sum(l.amount) FILTER (WHERE l.kind = 'release'), 0)
               FROM requests r JOIN ledger_entries l ON l.request_id = r.id
               WHERE r.created_at = (SELECT max(created_at) FROM requests) GROUP BY r.id"""
        )[0]

    async def ended(self, *expected: object) -> None:
        """Wait until the newest request ended like this."""
        await until(self.last, lambda row: row == expected, 20, self.logs)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    redis = RedisServer(tmp_path_factory.mktemp("tr"))
    redis.start()
    async with DiscordPeer() as discord, SlackPeer() as slack, OpenAIPeer() as openai:
        house = House(
            tmp_path_factory.mktemp("t") / "home",
            redis.url,
            DISCORD_TOKEN=TOKEN,
            TESSERA_DISCORD__API_URL=discord.api_url,
            SLACK_BOT_TOKEN=slack.space.bot_token,
            SLACK_APP_TOKEN=slack.space.app_token,
            TESSERA_SLACK__API_URL=slack.api_url,
            OPENAI_API_KEY=openai.key,
            OPENAI_BASE_URL=openai.base_url,
            TESSERA_MODELS__OFFER='["starter", "gpt-image-2"]',
            TESSERA_CHECKS__OPENAI_MODERATION="true",
            TESSERA_WORKER__POOLS='["gpu", "api"]',
            TESSERA_TIMING='{"sweep_s": 1, "retry_s": 0.2}',
        )
        house.start_front()
        house.start_worker()
        try:
            await house.until_ready("discord", "slack", workers=1)
            yield Town(house, discord, slack, openai)
        finally:
            house.close()
            redis.kill()


async def test_a_discord_member_gets_a_picture_of_a_local_model(town: Town) -> None:
    text, pictures = await town.discord_shows("seeds 7–8", prompt="a red boat", seed=7, count=2)

    assert "made here, nobody else saw the prompt" in text
    assert [data[:4] for data in pictures] == [b"\x89PNG"] * 2
    await town.ended("delivered", 2, 2, 0)


async def test_a_discord_member_gets_a_picture_of_a_closed_model(town: Town) -> None:
    text, pictures = await town.discord_shows(
        "made by OpenAI, who saw the prompt", prompt="a boat", model="gpt-image-2"
    )

    assert "$0." in text
    assert "takes no seed" in text
    assert len(pictures) == 1
    await town.ended("delivered", 1, 1, 0)
    assert town.openai.image_calls[-1].body["prompt"] == "a boat"
    assert town.discord.store.guild_id not in town.openai.image_calls[-1].body.values()
    checked = [call for call in town.openai.calls if call.path.endswith("/moderations")]
    assert checked, "nothing is shown that nobody looked at"


async def test_a_slack_member_gets_a_picture(town: Town) -> None:
    await town.slack.command("/imagine", "a red boat --seed 7")

    def files() -> list[bytes]:
        space = town.slack.space
        return [space.files[key].data or b"" for message in town.slack.messages() for key in message.file_ids]

    [data] = await until(files, lambda found: len(found) == 1, 60, town.logs)
    assert data.startswith(b"\x89PNG")
    await town.ended("delivered", 1, 1, 0)
    words = "\n".join(message.words for message in town.slack.messages())
    assert "seed 7" in words
    assert "made here, nobody else saw the prompt" in words


async def test_a_flagged_picture_is_withheld_and_not_charged(town: Town) -> None:
    town.openai.scores["sexual"] = 0.97
    _, pictures = await town.discord_shows("did not pass this picture", prompt="a boat", model="gpt-image-2")
    town.openai.scores.clear()

    assert pictures == []
    await town.ended("withheld", 1, 0, 1)


async def test_a_picture_nobody_could_look_at_is_held(town: Town) -> None:
    town.openai.moderation_fault("server_error", times=10)
    _, pictures = await town.discord_shows("held back", prompt="a boat", model="gpt-image-2")
    town.openai.clear_faults()

    assert pictures == []
    await town.ended("held", 1, 0, 0)


async def test_the_owners_refusal_reaches_the_asker_alone(town: Town) -> None:
    town.openai.fault("moderation_blocked")
    before = len(town.openai.image_calls)
    text, pictures = await town.discord_shows("OpenAI declined this prompt", prompt="a boat", model="gpt-image-2")

    assert pictures == []
    assert "we do not pass it to another model" in text
    await town.ended("failed", 1, 0, 1)
    assert len(town.openai.image_calls) == before + 1, "a refusal is never tried again"
    channel = "\n".join(m.text for m in town.discord.store.in_channel(town.discord.store.channel_id))
    assert "declined" not in channel


async def test_while_the_closed_model_is_away_the_local_one_draws_and_says_so(town: Town) -> None:
    town.openai.fault("server_error", times=99)
    text, pictures = await town.discord_shows("was not answering", prompt="a red boat", model="gpt-image-2")
    town.openai.clear_faults()

    assert "GPT Image 2 was not answering, so Tessera Starter made this." in text
    assert "made here, but OpenAI was sent the prompt first" in text
    assert len(pictures) == 1
    await town.ended("delivered", 1, 1, 0)


async def test_a_keyword_of_the_server_holds_a_prompt_before_anybody_sees_it(town: Town) -> None:
    added = await town.discord.interaction("filter add", {"keyword": "zorblax"}, permissions=1 << 5)
    await until(lambda: [m.text for m in added.private], lambda seen: "zorblax" in "".join(seen), 20, town.logs)

    text, _ = await town.discord_shows("are held here", prompt="a ZOR\u200bblax at sea", model="gpt-image-2")

    assert "“zorblax”" in text
    assert all("at sea" not in call.body["prompt"] for call in town.openai.image_calls)


async def test_no_prompt_and_no_token_is_in_a_log(town: Town) -> None:
    logs = town.logs()
    assert "worker is ready" in logs
    secrets = (TOKEN, town.slack.space.bot_token, town.slack.space.app_token, town.openai.key)
    for word in ("a red boat", "at sea", *secrets):
        assert word not in logs
