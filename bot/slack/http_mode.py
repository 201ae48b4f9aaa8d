"""Commands by HTTP: the endpoint that Slack posts to, for installations that are reachable from outside.

Owns the aiohttp server and what it turns away before Bolt sees it: a request without Slack's signature (401), one older
than five minutes (401), one that cannot be read (400). Rejections are logged without their content, which may be a
member's prompt. docs.slack.dev, "Verifying requests from Slack".
"""

import asyncio
import logging
from collections.abc import Callable

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from bot.services import AdapterRejected

log = logging.getLogger(__name__)

PATH = "/slack/events"
_LARGEST = 1024 * 1024


class Endpoint:
    """One URL for commands and buttons."""

    def __init__(self, app: AsyncApp, signing_secret: str) -> None:
        """Take the Bolt app and the secret that Slack signs with."""
        self._app, self._verifier = app, SignatureVerifier(signing_secret)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        try:
            body = (await request.read()).decode()
        except UnicodeDecodeError:
            return _turned_away(request, 400, "the body is not text")
        if not self._is_signed(request, body):
            return _turned_away(request, 401, "the signature is missing, wrong or stale")
        try:
            bolt_request = AsyncBoltRequest(body=body, query=request.query_string, headers=dict(request.headers))
        except (ValueError, TypeError, AttributeError):
            # Bolt reads the body's JSON without checking that it is an object.
            return _turned_away(request, 400, "the body cannot be read")
        return await to_aiohttp_response(await self._app.async_dispatch(bolt_request))

    def _is_signed(self, request: web.Request, body: str) -> bool:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        # The verifier raises on what is no number and no ASCII.
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 13 and signature.isascii()):
            return False
        return self._verifier.is_valid(body, timestamp, signature)


async def serve(
    app: AsyncApp, signing_secret: str, ready: asyncio.Event, *, host: str, port: int, bound: Callable[[int], None]
) -> None:
    """Take commands until cancelled; `bound` is told the port, which matters when 0 asked for any.

    Raises `AdapterRejected` if the port cannot be had.
    """
    site_app = web.Application(client_max_size=_LARGEST)
    site_app.router.add_post(PATH, Endpoint(app, signing_secret).handle)
    runner = web.AppRunner(site_app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise AdapterRejected(f"The port {port} for Slack on {host} cannot be had: {error.strerror}.") from None
        bound(runner.addresses[0][1])
        log.info("Slack is listened to on http://%s:%s%s", host, runner.addresses[0][1], PATH)
        ready.set()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _turned_away(request: web.Request, status: int, why: str) -> web.Response:
    log.warning("turned away a request to Slack's endpoint from %s: %s", request.remote, why)
    return web.json_response({"error": "invalid request"}, status=status)
