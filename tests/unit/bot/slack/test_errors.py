"""What a failed call means."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.messenger import TryAgain, Undeliverable
from bot.slack.errors import as_outcome, code, retry_after_s, surely_had_no_effect


def _failed(data: object, status: int = 200, **headers: str) -> SlackApiError:
    response = AsyncSlackResponse(
        client=AsyncWebClient(),
        http_verb="POST",
        api_url="https://peer.example/api/chat.update",
        req_args={},
        data=data,  # type: ignore[arg-type]  # a proxy may answer anything
        headers=headers,
        status_code=status,
    )
    return SlackApiError("it failed", response)  # type: ignore[no-untyped-call]  # slack_sdk leaves it untyped


@pytest.mark.parametrize(
    ("error", "outcome", "says", "no_effect"),
    [
        (_failed({"ok": False, "error": "not_in_channel"}), Undeliverable, "Slack: not_in_channel", True),
        (_failed({"ok": False, "error": "never_heard_of"}), Undeliverable, "Slack: never_heard_of", True),
        (_failed({"ok": False, "error": "internal_error"}), TryAgain, "Slack: internal_error", False),
        (_failed({"ok": False, "error": "ratelimited"}, 429), TryAgain, "Slack: ratelimited", True),
        (_failed({}, 502), TryAgain, "Slack: HTTP 502", False),
        (_failed("<html>", 503), TryAgain, "Slack: HTTP 503", False),
        (_failed({"ok": False}), TryAgain, "Slack: HTTP 200", False),
        (TimeoutError(), TryAgain, "Slack: TimeoutError", False),
        (aiohttp.ServerDisconnectedError(), TryAgain, "Slack: ServerDisconnectedError", False),
    ],
)
def test_outcomes(error: Exception, outcome: type[Exception], says: str, *, no_effect: bool) -> None:
    found = as_outcome(error)
    assert type(found) is outcome
    assert str(found) == says
    assert surely_had_no_effect(error) is no_effect


def test_patience_is_read_from_the_header_whatever_its_case() -> None:
    assert retry_after_s(_failed({"error": "ratelimited"}, 429, **{"Retry-After": "30"})) == 30
    assert retry_after_s(_failed({"error": "ratelimited"}, 429, **{"retry-after": "soon"})) is None
    assert retry_after_s(TimeoutError()) is None


def test_the_code_never_holds_the_answer() -> None:
    assert code(_failed({"ok": False, "error": "x", "message": {"text": "a secret prompt"}})) == "x"
