"""The log on standard error: one line a record, and no secret in it.

Owns the format and the last look at every line before it is written: what has the shape of a token, and the very values
of the secrets this process was given, are blotted out, also where an exception carries them. Front, worker and command
line share it. It must not know what is logged.
"""

import logging
import os
import re
import sys
import traceback
from collections.abc import Iterable
from typing import TextIO
from urllib.parse import urlsplit

from generation.secrets import SecretError, read_secret

SECRETS = (
    "DISCORD_TOKEN",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "HF_TOKEN",
)
"""The secrets that this program reads, by their customary names."""

BLOT = "‹secret›"

# Shapes as the platforms document or issue them. Interaction tokens are base64 of "interaction:…".
_SHAPES = re.compile(
    r"""
      \b[\w-]{23,30}\.[\w-]{6}\.[\w-]{27,}          # a Discord bot token
    | \baW50ZXJhY3Rpb24[\w=-]{20,}                  # a Discord interaction token
    | (?<=/)(?P<in_path>(?:webhooks|interactions)/\d{5,}/)[\w-]{16,}      # either, in an address
    | \b(?:xox[a-z]|xapp|xoxe\.xox[a-z])-[\w-]{8,}  # Slack
    | (?<=hooks\.slack\.com/)[\w/-]{8,}             # Slack's response_url
    | \bsk-[\w-]{12,}                               # OpenAI and those who followed
    | \bhf_[A-Za-z0-9]{16,}                         # Hugging Face
    | \bAIza[\w-]{30,}                              # Google
    | \b(?P<scheme>(?i:Bearer|Bot|Basic)\s+)[\w.~+/=-]{12,}   # an Authorization header
    | (?<=://)[^\s/@]*:[^\s/@]+(?=@)                # a password in an address
    """,
    re.VERBOSE,
)
_SHORTEST = 6
# These write request bodies and arguments below WARNING, and both hold prompts.
_QUIET = (
    "aiohttp",
    "arq",
    "asyncio",
    "discord",
    "fsspec",
    "httpcore2",
    "httpx2",
    "huggingface_hub",
    "openai",
    "PIL",
    "slack_bolt",
    "slack_sdk",
    "urllib3",
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with `secrets` and whatever looks like a token blotted out."""
    for secret in secrets:
        text = text.replace(secret, BLOT)
    return _SHAPES.sub(lambda match: f"{match['in_path'] or match['scheme'] or ''}{BLOT}", text)


def known_secrets() -> tuple[str, ...]:
    """The values of this process's secrets, the longest first so that none hides a part of another."""
    values = []
    for name in SECRETS:
        try:
            values.append(read_secret(name) or "")
        except SecretError:
            continue  # whoever needs it says so
    values.append(urlsplit(os.environ.get("TESSERA_REDIS_URL", "")).password or "")
    return tuple(sorted({value for value in values if len(value) >= _SHORTEST}, key=len, reverse=True))


class Formatter(logging.Formatter):
    """One line a record: line breaks are written as `⏎`, an exception as its type, message and places.

    With `tracebacks` an exception follows in full on lines of its own, redacted all the same.
    """

    def __init__(self, secrets: Iterable[str] = (), *, tracebacks: bool = False) -> None:
        """`secrets` are the values to blot out beside everything with a token's shape."""
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._secrets, self._tracebacks = tuple(secrets), tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """The record as it is written."""
        line = f"{self.formatTime(record)} {record.levelname:<7} {record.name}: {record.getMessage()}"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line = f"{line} | {summary(error)}"
        line = "⏎".join(line.splitlines())
        if error is not None and self._tracebacks:
            line = "\n".join([line, *(f"    {part}" for part in _trace(error).splitlines())])
        return redact(line, self._secrets)


def summary(error: BaseException) -> str:
    """`ValueError: why (a.py:3 in f < b.py:9 in g)`: the innermost places first, on one line."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    places = " < ".join(f"{os.path.basename(f.filename)}:{f.lineno} in {f.name}" for f in reversed(frames))  # noqa: PTH119 - a code's file name, not a path here
    return f"{type(error).__name__}: {error}" + (f" ({places})" if places else "")


def whole(error: BaseException) -> str:
    """The traceback, redacted."""
    return redact(_trace(error), known_secrets())


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()


def set_up(level: str, *, stream: TextIO | None = None) -> None:
    """Log to standard error from `level` on, libraries from WARNING on; `TESSERA_DEBUG=1` adds tracebacks."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Formatter(known_secrets(), tracebacks=wants_tracebacks()))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def wants_tracebacks() -> bool:
    """Whether the operator asked for tracebacks."""
    return os.environ.get("TESSERA_DEBUG", "") not in {"", "0"}
