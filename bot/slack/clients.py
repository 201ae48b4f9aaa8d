"""The Slack clients the bot speaks through, set up so that a call is never silently made twice and nothing leaks.

Owns their retry handlers and their loggers. slack_sdk and Bolt log whole request bodies at DEBUG, INFO and even WARNING
(a rejected signature, an unhandled request), and a failed socket with its secret URL: their own loggers are closed, and
this package says in its own words what happened.
"""

import logging

from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient

_PATIENCE_S = 5
_TIMEOUT_S = 30
_QUICK_TIMEOUT_S = 5


class BriefPatience(AsyncRateLimitErrorRetryHandler):
    """Waits in place once when Slack asks for a few seconds; a longer wait is left to whoever planned the call."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if response is None or not await super()._can_retry_async(
            state=state, request=request, response=response, error=error
        ):
            return False
        waits = [values[0] for name, values in response.headers.items() if name.lower() == "retry-after" and values]
        return bool(waits) and str(waits[0]).isdecimal() and int(waits[0]) <= _PATIENCE_S


def library_logger() -> logging.Logger:
    """The logger the libraries get: closed, since what they log may hold prompts and secrets."""
    # Not all of their parts take a logger; those that do not use one under the library's own name.
    for name in ("slack_sdk", "slack_bolt", "bot.slack.libraries"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return logging.getLogger("bot.slack.libraries")


def web_client(token: str, api_url: str | None) -> AsyncWebClient:
    """The client for everything that must arrive; `api_url` replaces slack.com's own.

    The SDK's retry on connection errors is left out: a message may have arrived before the connection broke, and would
    be sent again. A refused 429 surely did nothing, so that one is repeated.
    """
    return AsyncWebClient(
        token=token,
        base_url=api_url or AsyncWebClient.BASE_URL,
        timeout=_TIMEOUT_S,
        logger=library_logger(),
        retry_handlers=[BriefPatience()],
    )


def quick_client(token: str, api_url: str | None) -> AsyncWebClient:
    """The client for what may be lost: it gives up soon and repeats nothing."""
    return AsyncWebClient(
        token=token,
        base_url=api_url or AsyncWebClient.BASE_URL,
        timeout=_QUICK_TIMEOUT_S,
        logger=library_logger(),
        retry_handlers=[],
    )
