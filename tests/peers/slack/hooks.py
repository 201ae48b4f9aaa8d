"""Response URLs: five answers within thirty minutes for each event (docs.slack.dev, "Handling user interaction")."""

from dataclasses import dataclass

from aiohttp import web

from tests.peers.slack.checks import Refusal, check_message
from tests.peers.slack.state import Ephemeral, Message, Workspace

_USES = 5
_LIFETIME_S = 30 * 60


@dataclass(slots=True, kw_only=True)
class Hook:
    channel: str
    user: str
    born_at: float
    uses: int = 0


class Hooks:
    """Hands out response URLs and takes what is posted to them."""

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._hooks: dict[str, Hook] = {}

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/hooks/{key}", self._post)

    def new(self, base: str, channel: str, user: str) -> str:
        key = f"{self._space.team_id}-{self._space.number()}"
        self._hooks[key] = Hook(channel=channel, user=user, born_at=self._space.clock.now)
        return f"{base}/hooks/{key}"

    async def _post(self, request: web.Request) -> web.Response:
        hook = self._hooks.get(request.match_info["key"])
        if hook is None or self._space.clock.now - hook.born_at > _LIFETIME_S:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if hook.uses >= _USES:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        hook.uses += 1
        body = await request.json()
        text, blocks = body.get("text") or "", body.get("blocks") or []
        try:
            check_message(text, blocks)
        except Refusal as refusal:
            return web.json_response({"ok": False, "error": refusal.error}, status=400)
        thread_ts = body.get("thread_ts")
        if body.get("response_type", "ephemeral") == "in_channel":
            ts = self._space.new_ts()
            self._space.messages.append(
                Message(channel=hook.channel, ts=ts, text=text, blocks=blocks, thread_ts=thread_ts)
            )
        else:
            self._space.ephemerals.append(
                Ephemeral(
                    channel=hook.channel,
                    user=hook.user,
                    text=text,
                    blocks=blocks,
                    via="response_url",
                    thread_ts=thread_ts,
                )
            )
        return web.Response(text="ok")
