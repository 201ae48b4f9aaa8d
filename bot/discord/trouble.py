"""What discord.py raises, in the front's own words.

Owns the translation into `TryAgain` and `Undeliverable`, and which errors are Discord's or the network's at all.
Messages name status and code only: an exception's own text may hold an address with an interaction token in it.
"""

import aiohttp
import discord

from bot.messenger import TryAgain, Undeliverable

# What a call to Discord may raise without anything being wrong with us.
ERRORS = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)

# developers/topics/opcodes-and-status-codes: an interaction's token that has expired, its webhook or message gone.
UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
UNKNOWN_INTERACTION = 10062
TOO_LARGE = 40005
ALREADY_ACKNOWLEDGED = 40060
INVALID_WEBHOOK_TOKEN = 50027

_PLACEHOLDER_GONE = {UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, INVALID_WEBHOOK_TOKEN}


def placeholder_gone(error: BaseException) -> bool:
    """Whether the placeholder can no longer be reached by its token, so that another way must be taken."""
    return isinstance(error, discord.HTTPException) and (error.code in _PLACEHOLDER_GONE or error.status == 401)


def too_large(error: BaseException) -> bool:
    """Whether Discord found the files too large."""
    return isinstance(error, discord.HTTPException) and (error.code == TOO_LARGE or error.status == 413)


def translated(error: BaseException) -> TryAgain | Undeliverable:
    """What a failed call means for delivery."""
    if isinstance(error, discord.RateLimited):
        return TryAgain("Discord asks for patience", error.retry_after)
    if not isinstance(error, discord.HTTPException):
        return TryAgain(f"Discord cannot be reached ({type(error).__name__})")
    if error.status == 429:
        return TryAgain("Discord asks for patience", _retry_after(error))
    if error.status >= 500 or error.status == 401:
        return TryAgain(f"Discord answered {describe(error)}")
    return Undeliverable(f"Discord answered {describe(error)}")


def describe(error: BaseException) -> str:
    """An error for the log, without anything that could be a secret or a prompt."""
    if isinstance(error, discord.HTTPException):
        return f"{error.status} (code {error.code})"
    return type(error).__name__


def _retry_after(error: discord.HTTPException) -> float | None:
    try:
        return float(error.response.headers.get("Retry-After", ""))
    except ValueError:
        return None
