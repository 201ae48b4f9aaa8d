"""The doctor in good and bad set-ups, asking the local Discord and Slack."""

import json
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.cli.process import run
from bot.doctor.examine import examine
from bot.doctor.findings import Finding, Level
from bot.supervise import migrate
from bot.wording import doctor as said
from bot.wording import doctor_chats
from generation.places import Places
from tests.peers.discord.peer import DiscordPeer
from tests.peers.slack import SlackPeer


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder as `tessera run` leaves it."""
    home = tmp_path / "home"
    monkeypatch.setenv("TESSERA_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    migrate(Places(home).create().database)
    return home


@pytest.fixture
async def discord(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordPeer]:
    async with DiscordPeer(token="bm90LWEtcmVhbC10b2tlbg.madeup." + "n0t-a-r3al-on3" * 2) as peer:
        monkeypatch.setenv("TESSERA_DISCORD__API_URL", peer.api_url)
        monkeypatch.setenv("DISCORD_TOKEN", peer.store.token)
        yield peer


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlackPeer]:
    async with SlackPeer() as peer:
        monkeypatch.setenv("TESSERA_SLACK__API_URL", peer.api_url)
        monkeypatch.setenv("SLACK_BOT_TOKEN", peer.space.bot_token)
        monkeypatch.setenv("SLACK_APP_TOKEN", peer.space.app_token)
        yield peer


def of(findings: list[Finding], topic: str) -> list[Finding]:
    return [finding for finding in findings if finding.topic == topic]


def levels(findings: list[Finding], topic: str) -> list[Level]:
    return [finding.level for finding in of(findings, topic)]


def has(findings: list[Finding], level: Level, topic: str, pair: said.Said) -> bool:
    return Finding(level, topic, *pair) in findings


async def test_a_good_set_up_has_nothing_to_mend(home: Path, discord: DiscordPeer, slack: SlackPeer) -> None:
    findings = await examine()

    assert {finding.level for finding in findings} <= {Level.OK, Level.NOTE}
    assert levels(findings, "Discord") == [Level.OK]
    assert levels(findings, "Slack") == [Level.OK, Level.OK]
    assert levels(findings, "Database") == [Level.OK]
    assert levels(findings, "Artifacts") == [Level.OK]


async def test_a_misspelt_setting_is_named_in_plain_words(home: Path) -> None:
    file = home.parent / "tessera.toml"
    file.write_text('[model]\noffer = ["starter"]\n', encoding="utf-8")
    assert has(await examine(), Level.PROBLEM, "Settings", said.unknown_tables("tessera.toml", ["model"]))

    file.write_text('[models]\noffr = ["starter"]\n', encoding="utf-8")
    assert of(await examine(), "Settings")[0].what == "tessera.toml: models.offr: there is no such setting."


async def test_no_finding_holds_a_token(
    home: Path, discord: DiscordPeer, slack: SlackPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERA_REDIS_URL", "redis://user:canarypassword@127.0.0.1:1/0")

    text = json.dumps([finding.what + finding.do for finding in await examine()])

    for canary in (discord.store.token, slack.space.bot_token, slack.space.app_token, "canarypassword"):
        assert canary not in text


async def test_without_tokens_the_chats_are_off_and_nothing_blocks(home: Path) -> None:
    findings = await examine()

    assert levels(findings, "Discord") == [Level.NOTE]
    assert levels(findings, "Slack") == [Level.NOTE]
    assert Level.BLOCKS not in {finding.level for finding in findings}


async def test_refused_tokens_block(
    home: Path, discord: DiscordPeer, slack: SlackPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "not a token")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-revoked")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xoxb-the-wrong-one")

    findings = await examine()

    assert levels(findings, "Discord") == [Level.PROBLEM, Level.BLOCKS]
    assert has(findings, Level.PROBLEM, "Slack", doctor_chats.slack_app_shape())
    assert levels(findings, "Slack").count(Level.BLOCKS) == 2


async def test_a_platform_that_cannot_be_asked_is_no_refusal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "A" * 24 + ".abcdef." + "B" * 30)
    monkeypatch.setenv("TESSERA_DISCORD__API_URL", "http://127.0.0.1:1/api/v10")

    assert levels(await examine(), "Discord") == [Level.PROBLEM]


async def test_slack_without_a_way_in_blocks(home: Path, slack: SlackPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_APP_TOKEN")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "0badc0de0badc0de")
    assert has(await examine(), Level.BLOCKS, "Slack", doctor_chats.slack_no_way_in())

    monkeypatch.setenv("TESSERA_SLACK__HTTP_PORT", "3000")
    assert has(await examine(), Level.OK, "Slack", doctor_chats.slack_http("127.0.0.1:3000"))


async def test_wrong_settings_are_the_only_finding(home: Path) -> None:
    (home / "tessera.toml").write_text("[quota]\ndaily_images = 'many'\n")

    (finding,) = await examine()

    assert finding.level is Level.BLOCKS
    assert "quota.daily_images" in finding.what


async def test_a_token_in_the_settings_file_is_found_and_not_repeated(home: Path) -> None:
    (home / "tessera.toml").write_text("[other]\ntoken = 'xoxb-1234567890-canarycanary'\n")

    findings = await examine()

    assert levels(findings, "Settings") == [Level.OK, Level.PROBLEM, Level.PROBLEM]  # nobody reads [other] either
    assert "canary" not in str(findings)


async def test_what_others_may_read_is_found(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "key"
    key.write_text("sk-canary")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(key))
    for path, mode in ((home, 0o755), (home / "tessera.db", 0o644), (key, 0o644)):
        path.chmod(mode)

    findings = await examine()

    assert has(findings, Level.PROBLEM, "Home", said.others_may_read(home, "700"))
    assert has(findings, Level.PROBLEM, "Database", said.others_may_read(home / "tessera.db", "600"))
    assert has(findings, Level.PROBLEM, "Secrets", said.others_may_read(key, "600"))


async def test_a_secret_file_that_is_not_there_blocks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN_FILE", str(home / "missing"))

    assert levels(await examine(), "Secrets") == [Level.BLOCKS]


async def test_a_database_that_is_none_blocks(home: Path) -> None:
    (home / "tessera.db").write_bytes(b"no database at all" * 100)

    assert Level.BLOCKS in levels(await examine(), "Database")


async def test_an_older_database_says_what_to_run(home: Path) -> None:
    with sqlite3.connect(home / "tessera.db") as db:
        db.execute("DELETE FROM _sqlite_migrations WHERE name = 'm003_allowances'")
    db.close()

    assert has(await examine(), Level.PROBLEM, "Database", said.database_old(home / "tessera.db", 1))


async def test_before_the_first_start_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_HOME", str(tmp_path / "none"))

    findings = await examine()

    assert not (tmp_path / "none").exists()
    assert levels(findings, "Home") == levels(findings, "Database") == levels(findings, "Artifacts") == [Level.NOTE]


async def test_a_redis_that_answers_and_one_that_does_not(
    home: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERA_REDIS_URL", redis_url)
    assert levels(await examine(), "Redis") == [Level.OK]

    monkeypatch.setenv("TESSERA_REDIS_URL", "redis://127.0.0.1:1")
    assert levels(await examine(), "Redis") == [Level.BLOCKS]


async def test_an_artifact_store_that_cannot_be_written_blocks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").touch()
    monkeypatch.setenv("TESSERA_ARTIFACTS_URL", (home / "file" / "below").as_uri())
    assert levels(await examine(), "Artifacts") == [Level.BLOCKS]

    monkeypatch.setenv("TESSERA_ARTIFACTS_URL", "no-such-protocol://bucket")
    assert levels(await examine(), "Artifacts") == [Level.BLOCKS]


async def test_models_say_what_they_lack(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = tmp_path / "pipeline"
    pipeline.mkdir()
    entry = {
        "maker": "nobody",
        "backend": "diffusers",
        "openness": "open_weight",
        "licence": "MIT",
        "bot_use": "yes",
        "sizes": ["64x64"],
        "checked_at": "2026-11-20",
    }
    folders = {"here": str(pipeline), "gone": str(tmp_path / "gone")}
    tables = [
        "\n".join(
            [
                "[[model]]",
                f'id = "{name}"',
                f'title = "{name}"',
                *(f"{key} = {json.dumps(value)}" for key, value in entry.items()),
                f"arguments = {{ folder = {json.dumps(folder)} }}",
            ]
        )
        for name, folder in folders.items()
    ]
    (tmp_path / "more.toml").write_text("\n".join(tables))
    monkeypatch.setenv("TESSERA_MODELS__FILES", json.dumps([str(tmp_path / "more.toml")]))
    monkeypatch.setenv("TESSERA_MODELS__OFFER", '["here", "gone", "gpt-image-2"]')

    findings = await examine()

    assert has(findings, Level.PROBLEM, "Models", said.model_no_pipeline("here, MIT", pipeline))
    assert has(findings, Level.PROBLEM, "Models", said.model_gone("gone, MIT", tmp_path / "gone"))
    assert has(findings, Level.BLOCKS, "Models", said.nothing_to_draw_with())
    assert has(findings, Level.PROBLEM, "Image check", said.no_check(["here", "gone", "GPT Image 2"]))

    (pipeline / "model_index.json").write_text("{}")
    assert has(await examine(), Level.OK, "Models", said.model_there("here, MIT", pipeline))


async def test_the_shipped_model_is_there_and_one_that_is_not_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "Tessera Starter, Apache-2.0"
    assert has(await examine(), Level.OK, "Models", said.model_shipped(name))

    (tmp_path / "more.toml").write_text('[[model]]\nid = "starter"\narguments = { shipped = "zorblax" }\n')
    monkeypatch.setenv("TESSERA_MODELS__FILES", json.dumps([str(tmp_path / "more.toml")]))
    findings = await examine()
    assert has(findings, Level.PROBLEM, "Models", said.shipped_model_gone(name, "zorblax"))
    assert has(findings, Level.BLOCKS, "Models", said.nothing_to_draw_with())


async def test_an_unknown_model_blocks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_MODELS__OFFER", '["dreamer-9000"]')

    (finding,) = of(await examine(), "Models")

    assert finding.level is Level.BLOCKS
    assert "dreamer-9000" in finding.what


async def test_image_checks_say_what_they_lack(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checker = tmp_path / "checker"
    monkeypatch.setenv("TESSERA_CHECKS__OPENAI_MODERATION", "true")
    monkeypatch.setenv("TESSERA_CHECKS__SAFETY_CHECKER", str(checker))
    findings = await examine()
    assert has(findings, Level.PROBLEM, "Image check", said.check_gone(str(checker)))
    assert has(findings, Level.PROBLEM, "Image check", said.openai_check_without_key())

    checker.mkdir()
    assert has(await examine(), Level.PROBLEM, "Image check", said.check_no_checker(checker))

    (checker / "config.json").write_text("{}")
    assert has(await examine(), Level.OK, "Image check", said.check_there(checker))


def test_the_command_exits_by_what_it_found(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor"]) == 0
    assert "Nothing blocks." in capsys.readouterr().out

    monkeypatch.setenv("TESSERA_MODELS__OFFER", '["dreamer-9000"]')
    assert run(["doctor", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert {"level", "topic", "what", "do"} == set(report["findings"][0])
    assert run(["doctor"]) == 1
    assert "1 thing blocks" in capsys.readouterr().out
    assert os.environ["TESSERA_HOME"] == str(home)
