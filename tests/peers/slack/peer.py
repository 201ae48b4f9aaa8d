"""`SlackPeer`: one workspace on a free port, with everything a test does to it and looks at."""

import uuid
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.peers.slack import http_mode
from tests.peers.slack.checks import pings
from tests.peers.slack.control import Control
from tests.peers.slack.hooks import Hooks
from tests.peers.slack.sockets import Delivery, Sockets
from tests.peers.slack.state import Call, Ephemeral, Fault, Message, Workspace
from tests.peers.slack.web_api import WebApi


class SlackPeer:
    """An async context manager; `api_url` is what to set as the Web API's address.

    What the workspace holds is in `space`; sockets and their acknowledgements are in `sockets`.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.space = Workspace()
        self.sockets = Sockets()
        self._hooks = Hooks(self.space)
        self._host, self._port = host, port
        app = web.Application(client_max_size=64 * 1024 * 1024)
        for part in (WebApi(self.space, self.sockets), self.sockets, self._hooks, Control(self)):
            part.add_to(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.sockets.close_all()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    # What members do.

    def command_payload(
        self,
        command: str,
        text: str = "",
        *,
        user: str = "U0ALICE",
        channel: str = "C0ART",
        thread_ts: str | None = None,
        trigger_id: str | None = None,
    ) -> dict[str, Any]:
        """What Slack says about a slash command."""
        payload = {
            "command": command,
            "text": text,
            "team_id": self.space.team_id,
            "team_domain": "peer",
            "user_id": user,
            "user_name": self.space.users[user].name,
            "channel_id": channel,
            "channel_name": self.space.channels[channel].name if channel in self.space.channels else "directmessage",
            "api_app_id": "A0PEER",
            "is_enterprise_install": "false",
            "response_url": self._hooks.new(self.url, channel, user),
            "trigger_id": trigger_id or f"{self.space.number()}.{uuid.uuid4().hex}",
        }
        return payload | ({"thread_ts": thread_ts} if thread_ts else {})

    async def command(self, command: str, text: str = "", **where: Any) -> Delivery:
        """Type a command; the arguments are those of `command_payload`."""
        return await self.sockets.send("slash_commands", self.command_payload(command, text, **where))

    def press_payload(self, message: Message, action_id: str, *, user: str = "U0ALICE") -> dict[str, Any]:
        """What Slack says about a press on one of a message's buttons."""
        button = next(b for b in message.buttons if b["action_id"] == action_id)
        return {
            "type": "block_actions",
            "team": {"id": self.space.team_id, "domain": "peer"},
            "user": {"id": user, "username": self.space.users[user].name, "team_id": self.space.team_id},
            "api_app_id": "A0PEER",
            "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
            "channel": {"id": message.channel, "name": self.space.channels[message.channel].name},
            "message": {"ts": message.ts, "text": message.text}
            | ({"thread_ts": message.thread_ts} if message.thread_ts else {}),
            "trigger_id": f"{self.space.number()}.{uuid.uuid4().hex}",
            "response_url": self._hooks.new(self.url, message.channel, user),
            "actions": [{**button, "block_id": "b1", "action_ts": self.space.new_ts()}],
        }

    async def press(self, message: Message, action_id: str, *, user: str = "U0ALICE") -> Delivery:
        """Press a button that is in the message now."""
        return await self.sockets.send("interactive", self.press_payload(message, action_id, user=user))

    async def http_command(self, url: str, command: str, text: str = "", **where: Any) -> tuple[int, str]:
        """Type a command in HTTP mode: a signed request to the app's own URL."""
        body = http_mode.command_body(self.command_payload(command, text, **where))
        return await http_mode.post(url, body, secret=self.space.signing_secret)

    # What tests look at.

    def messages(self, channel: str = "C0ART") -> list[Message]:
        return [message for message in self.space.messages if message.channel == channel]

    def ephemerals(self, user: str = "U0ALICE") -> list[Ephemeral]:
        return [ephemeral for ephemeral in self.space.ephemerals if ephemeral.user == user]

    def calls(self, method: str) -> list[Call]:
        return [call for call in self.space.calls if call.method == method]

    def anything_pings(self) -> bool:
        """Whether anything ever said here would notify or link somebody, earlier versions of messages included."""
        said = [(m.text, m.blocks) for m in self.space.messages] + [(e.text, e.blocks) for e in self.space.ephemerals]
        said += [version for message in self.space.messages for version in message.history]
        return any(pings(text, blocks) for text, blocks in said)

    async def until_message(self, count: int = 1, channel: str = "C0ART") -> Message:
        """Wait until there are this many messages in a channel; return the last of them."""
        await self.space.until(lambda: len(self.messages(channel)) >= count)
        return self.messages(channel)[count - 1]

    async def until_ephemeral(self, count: int = 1, user: str = "U0ALICE") -> Ephemeral:
        """Wait until a member alone was told this many things; return the last of them."""
        await self.space.until(lambda: len(self.ephemerals(user)) >= count)
        return self.ephemerals(user)[count - 1]

    # How it goes wrong.

    def fail(self, method: str, **how: Any) -> Fault:
        """Make the next calls of a method fail; the arguments are those of `Fault`."""
        fault = Fault(method=method, **how)
        self.space.faults.append(fault)
        return fault
