"""How Discord says no: status, code and message, as JSON."""

import json
from dataclasses import dataclass, field

from aiohttp import web

PATH = web.RequestKey("path", str)  # the path below the API's root
BODY = web.RequestKey("body", object)  # the JSON part of what was sent, for the list of calls


class Refusal(Exception):
    """A refused call. `code` is Discord's own, from developers/topics/opcodes-and-status-codes."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self) -> web.Response:
        return reply({"code": self.code, "message": self.message}, self.status)


def reply(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON with exactly the content type that discord.py compares with."""
    return web.Response(
        body=json.dumps(body).encode(), status=status, headers={"Content-Type": "application/json", **(headers or {})}
    )


def invalid(message: str) -> Refusal:
    return Refusal(400, 50035, f"Invalid Form Body: {message}")


@dataclass
class Fault:
    """A scripted failure of the next `times` calls whose method and path match.

    `after` lets the call take effect first; `drop` then cuts the connection instead of answering.
    """

    method: str
    path: str
    status: int = 500
    times: int = 1
    code: int = 0
    message: str = "scripted"
    retry_after: float = 0.0
    after: bool = False
    drop: bool = False
    hits: list[str] = field(default_factory=list)

    def answer(self) -> web.Response:
        """The failing answer; a 429 carries Via, without which discord.py believes in a ban by Cloudflare."""
        if self.status == 429:
            body = {"message": "You are being rate limited.", "retry_after": self.retry_after, "global": False}
            headers = {"Retry-After": f"{self.retry_after:.0f}", "Via": "1.1 google"}
            return reply(body, 429, headers)
        return reply({"code": self.code, "message": self.message}, self.status)
