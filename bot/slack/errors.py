"""What a failed call to Slack means: that the member cannot be told here, or that it is worth another try.

Owns the mapping from Slack's error codes, and which failures leave open whether the call took effect. It must not know
what was being said. Codes: docs.slack.dev, the error tables of chat.*, files.* and usergroups.*.
"""

from http import HTTPStatus

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.messenger import TryAgain, Undeliverable

CALL_ERRORS = (SlackApiError, aiohttp.ClientError, TimeoutError)
"""Everything a call through slack_sdk's asynchronous client may raise when Slack does not do what it was asked."""

NO_ENTRY = frozenset(
    {"channel_not_found", "not_in_channel", "is_archived", "restricted_action", "no_permission", "user_not_in_channel"}
)
"""The bot may not post in that conversation."""

BAD_TOKEN = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"}
)
"""Nothing will work until the operator acts."""

_TEMPORARY = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)


def code(error: Exception) -> str:
    """Slack's word for what went wrong, or a description of ours; never a token, a prompt or a whole response."""
    if isinstance(error, SlackApiError):
        data = getattr(error.response, "data", None)
        if isinstance(data, dict) and isinstance(data.get("error"), str):
            return str(data["error"])
        return f"HTTP {_status(error)}"
    return type(error).__name__


def retry_after_s(error: Exception) -> float | None:
    """How long Slack asks to wait, in seconds, where it says so."""
    headers = getattr(error.response, "headers", {}) if isinstance(error, SlackApiError) else {}
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
    return float(value) if str(value).isdecimal() else None


def is_temporary(error: Exception) -> bool:
    """Whether the same call may work later."""
    if not isinstance(error, SlackApiError):
        return True
    status = _status(error)
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return True
    return code(error) in _TEMPORARY or code(error).startswith("HTTP")


def surely_had_no_effect(error: Exception) -> bool:
    """Whether Slack surely did nothing: it refused, or was never reached. Time-outs and 5xx leave it open."""
    if isinstance(error, SlackApiError):
        limited = _status(error) == HTTPStatus.TOO_MANY_REQUESTS or code(error) in {"ratelimited", "rate_limited"}
        return limited or not is_temporary(error)
    return isinstance(error, aiohttp.ClientConnectorError)


def as_outcome(error: Exception) -> TryAgain | Undeliverable:
    """The way a messenger says it. A token can be renewed: until then the member's answer is kept, not thrown away."""
    if is_temporary(error) or code(error) in BAD_TOKEN:
        return TryAgain(f"Slack: {code(error)}", retry_after_s(error))
    return Undeliverable(f"Slack: {code(error)}")


def _status(error: SlackApiError) -> int:
    response = error.response
    # slack_sdk gives its own response, or aiohttp's where the body was no JSON.
    return int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
