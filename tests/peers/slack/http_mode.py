"""Slack as an HTTP client: signed requests to an app's endpoint (docs.slack.dev, "Verifying requests from Slack")."""

import hashlib
import hmac
import io
import json
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's signature, version 0, of a request's body."""
    base = b":".join((b"v0", timestamp.encode(), body))
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


async def post(
    url: str,
    body: bytes,
    *,
    secret: str,
    content_type: str = "application/x-www-form-urlencoded",
    age_s: float = 0.0,
    headers: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Post a body signed `age_s` seconds ago; `headers` override the right ones. Returns status and text."""
    timestamp = str(int(time.time() - age_s))
    sent = {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign(secret, timestamp, body),
        **(headers or {}),
    }
    async with aiohttp.ClientSession() as session, session.post(url, data=io.BytesIO(body), headers=sent) as answer:
        return answer.status, await answer.text()


def command_body(payload: dict[str, Any]) -> bytes:
    """A slash command as Slack posts it: a form."""
    return urlencode({key: str(value) for key, value in payload.items()}).encode()


def interaction_body(payload: dict[str, Any]) -> bytes:
    """A button press as Slack posts it: JSON in a form's field."""
    return urlencode({"payload": json.dumps(payload)}).encode()
