"""No secret reaches the log, whichever way it comes; and one record is one line."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from generation.console_log import BLOT, Formatter, known_secrets, redact, set_up, whole

# Made up for these tests; each has the shape of the real thing.
DISCORD = "MTA0NzE2ODk5MjM0NTY3ODkwMQ.GcAnRy.k3yB1rdS1ngs1nTh3C0alM1n3_canary01234"
INTERACTION = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OTpjYW5hcnljYW5hcnljYW5hcnk"
SLACK_BOT = "xoxb-1234567890-1234567890123-CanaryCanaryCanaryCanary"
SLACK_APP = "xapp-1-A0CANARY-1234567890123-canarycanarycanary"
OPENAI = "sk-proj-canaryCANARY1234_canary-canary"
BEARER = "c4n4ry.in.a-bearer~header"


@pytest.mark.parametrize("token", [DISCORD, INTERACTION, SLACK_BOT, SLACK_APP, OPENAI, "hf_canaryCANARY1234567890"])
def test_what_has_a_tokens_shape_is_blotted_out(token: str) -> None:
    line = redact(f"login with {token!r} failed")

    assert token not in line
    assert BLOT in line


@pytest.mark.parametrize(
    ("text", "secret", "kept"),
    [
        (f"Authorization: Bearer {BEARER}", BEARER, "Authorization: Bearer"),
        (f"POST /webhooks/123456789/{INTERACTION}", INTERACTION, "/webhooks/123456789/"),
        ("POST /interactions/123456789/some-opaque-token-0123", "some-opaque-token-0123", "/interactions/123456789/"),
        ("redis://user:hunter2canary@10.0.0.5:6379/0", "hunter2canary", "@10.0.0.5:6379/0"),
        ("https://hooks.slack.com/commands/T01/123/canary", "T01/123/canary", "https://hooks.slack.com/"),
    ],
)
def test_what_stands_around_a_secret_is_kept(text: str, secret: str, kept: str) -> None:
    line = redact(text)

    assert secret not in line
    assert kept in line


@pytest.mark.parametrize(
    "text",
    [
        "request terminal-0123456789abcdef0123456789abcdef: delivered",
        "bot.discord.commands.imagine imported generation.backends.diffusers_load",
        "front is up: discord, slack, terminal",
        "a task-force of desk-bound risk-takers",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_configured_secrets_are_known_by_value_from_environment_file_and_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("canary-from-a-file\n")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "0badc0de0badc0de")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("TESSERA_REDIS_URL", "redis://:canarypassword@localhost")

    secrets = known_secrets()

    assert {"0badc0de0badc0de", "canary-from-a-file", "canarypassword"} <= set(secrets)
    line = redact("signed with 0badc0de0badc0de, keyed with canary-from-a-file", secrets)
    assert line == f"signed with {BLOT}, keyed with {BLOT}"


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The log as `set_up` writes it; the root logger is put back afterwards."""
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "0badc0de0badc0de")
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def fail_with(text: str) -> None:
    raise ValueError(text)


def test_arguments_and_exceptions_are_looked_at_too(stream: io.StringIO) -> None:
    set_up("info", stream=stream)
    log = logging.getLogger("test.canaries")

    log.info("token %s and signature %s", DISCORD, "0badc0de0badc0de")
    try:
        fail_with(f"refused: {SLACK_BOT}")
    except ValueError:
        log.exception("it broke")

    written = stream.getvalue()
    assert DISCORD not in written
    assert "0badc0de0badc0de" not in written
    assert SLACK_BOT not in written
    assert written.count(BLOT) == 3


def test_one_record_is_one_line_with_the_places_of_an_exception(stream: io.StringIO) -> None:
    set_up("info", stream=stream)
    log = logging.getLogger("test.lines")

    log.info("two\nlines")
    try:
        fail_with("a\nb")
    except ValueError:
        log.exception("it broke")

    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("two⏎lines")
    assert "it broke | ValueError: a⏎b (test_console_log.py:" in lines[1]
    assert "in fail_with" in lines[1]


def test_debugging_adds_the_traceback_without_the_secret(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_DEBUG", "1")
    set_up("info", stream=stream)

    try:
        fail_with(OPENAI)
    except ValueError:
        logging.getLogger("test.debug").exception("it broke")

    assert "Traceback (most recent call last)" in stream.getvalue()
    assert OPENAI not in stream.getvalue()


def test_libraries_are_quiet_below_warning(stream: io.StringIO) -> None:
    set_up("debug", stream=stream)

    for name in ("openai", "arq.worker", "slack_bolt.App", "discord.gateway"):
        logging.getLogger(name).info("a request body with somebody's prompt")
    logging.getLogger("bot.test").debug("ours")

    assert stream.getvalue().splitlines()[0].endswith("bot.test: ours")
    assert "prompt" not in stream.getvalue()


def test_a_whole_traceback_is_redacted() -> None:
    try:
        fail_with(DISCORD)
    except ValueError as error:
        text = whole(error)

    assert DISCORD not in text
    assert "fail_with" in text


def test_a_formatter_needs_no_secrets() -> None:
    record = logging.LogRecord("n", logging.INFO, __file__, 1, "%s", ("plain",), None)

    assert Formatter().format(record).endswith("INFO    n: plain")
