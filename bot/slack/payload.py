"""What Slack sends when a member types a command or presses a button, read with suspicion.

Owns the reading of payloads: whatever lacks an id that everything else rests on is no invocation. Pure.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack.blocks import owner_and_request
from generation.request import Platform, ReplyTo, Requester


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """A member's command. `text` is still in Slack's markup; `trigger_id` is Slack's id of this one event."""

    command: str
    text: str
    team_id: str
    user_id: str
    user_name: str
    channel_id: str
    thread_ts: str | None
    trigger_id: str

    @property
    def request_id(self) -> str:
        """The request this asks for: the same when Slack sends the same event again."""
        digest = hashlib.sha256(f"{self.team_id} {self.trigger_id}".encode()).hexdigest()
        return f"slack-{digest[:32]}"

    @property
    def reply_to(self) -> ReplyTo:
        """Where the answer goes; the placeholder is not known yet."""
        return ReplyTo(platform=Platform.SLACK, channel_id=self.channel_id, thread_id=self.thread_ts)

    def requester(self, role_ids: tuple[str, ...]) -> Requester:
        """The member with their user groups."""
        return Requester(platform=Platform.SLACK, workspace_id=self.team_id, user_id=self.user_id, role_ids=role_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A member's press of Cancel on the request of `owner_id`."""

    team_id: str
    user_id: str
    owner_id: str
    request_id: str
    channel_id: str
    thread_ts: str | None


def read_command(payload: Mapping[str, Any]) -> Invocation | None:
    """The command in a slash command's payload; None if it lacks who, where or which."""
    invocation = Invocation(
        command=_text(payload, "command"),
        text=_text(payload, "text"),
        team_id=_text(payload, "team_id"),
        user_id=_text(payload, "user_id"),
        user_name=_text(payload, "user_name"),
        channel_id=_text(payload, "channel_id"),
        thread_ts=_text(payload, "thread_ts") or None,
        trigger_id=_text(payload, "trigger_id"),
    )
    needed = (invocation.team_id, invocation.user_id, invocation.channel_id, invocation.trigger_id)
    return invocation if all(needed) else None


def read_press(body: Mapping[str, Any], action: Mapping[str, Any]) -> Press | None:
    """The press in a `block_actions` payload; None if it is not on one of our buttons or lacks who or where."""
    owned = owner_and_request(_text(action, "value"))
    team_id, user_id = _text(_part(body, "team"), "id"), _text(_part(body, "user"), "id")
    channel_id = _text(_part(body, "channel"), "id")
    if owned is None or not (team_id and user_id and channel_id):
        return None
    return Press(
        team_id=team_id,
        user_id=user_id,
        owner_id=owned[0],
        request_id=owned[1],
        channel_id=channel_id,
        thread_ts=_text(_part(body, "message"), "thread_ts") or None,
    )


def _text(payload: Mapping[str, Any], key: str) -> str:
    value = payload.get(key)
    return value if isinstance(value, str) else ""


def _part(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = payload.get(key)
    return value if isinstance(value, Mapping) else {}
