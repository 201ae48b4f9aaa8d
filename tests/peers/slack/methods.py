"""The Web API's methods: arguments and a workspace in, Slack's answer or a `Refusal` out.

Owns what each method does and refuses. It must not know HTTP; `tests.peers.slack.web_api` speaks that.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.peers.slack.checks import Refusal, check_blocks, check_message
from tests.peers.slack.state import Channel, Ephemeral, Message, StoredFile, Workspace

Answer = dict[str, Any]
Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Method:
    """`scope` is what the bot token needs; `app_token` says that the app token is asked for instead."""

    run: Callable[[Workspace, Arguments], Answer]
    scope: str | None = None
    app_token: bool = False


def auth_test(space: Workspace, _: Arguments) -> Answer:
    return {
        "team_id": space.team_id,
        "team": "Peer",
        "user_id": space.bot_user_id,
        "user": "tessera",
        "bot_id": space.bot_id,
        "url": "https://peer.slack.com/",
    }


def post_message(space: Workspace, arguments: Arguments) -> Answer:
    channel = _postable(space, arguments)
    text, blocks = _content(arguments)
    check_message(text, blocks)
    thread_ts = arguments.get("thread_ts") or None
    message = Message(channel=channel.id, ts=space.new_ts(), text=text, blocks=blocks, thread_ts=thread_ts)
    space.messages.append(message)
    return {"channel": channel.id, "ts": message.ts, "message": {"text": text, "ts": message.ts}}


def update(space: Workspace, arguments: Arguments) -> Answer:
    channel = _postable(space, arguments)
    message = space.message(channel.id, str(arguments.get("ts")))
    if message is None:
        raise Refusal("message_not_found")
    if message.file_ids:
        raise Refusal("cant_update_message")
    text, blocks = _content(arguments)
    check_message(text, blocks)
    message.history.append((message.text, message.blocks))
    message.text, message.blocks = text, blocks
    return {"channel": channel.id, "ts": message.ts, "text": text}


def post_ephemeral(space: Workspace, arguments: Arguments) -> Answer:
    channel = _postable(space, arguments)
    user = str(arguments.get("user"))
    if user not in space.users:
        raise Refusal("user_not_in_channel")
    text, blocks = _content(arguments)
    check_message(text, blocks)
    space.ephemerals.append(
        Ephemeral(
            channel=channel.id,
            user=user,
            text=text,
            blocks=blocks,
            via="api",
            thread_ts=arguments.get("thread_ts") or None,
        )
    )
    return {"message_ts": space.new_ts()}


def delete(space: Workspace, arguments: Arguments) -> Answer:
    channel = _postable(space, arguments)
    message = space.message(channel.id, str(arguments.get("ts")))
    if message is None:
        raise Refusal("message_not_found")
    space.messages.remove(message)
    return {"channel": channel.id, "ts": message.ts}


def users_info(space: Workspace, arguments: Arguments) -> Answer:
    user = space.users.get(str(arguments.get("user")))
    if user is None:
        raise Refusal("user_not_found")
    return {
        "user": {
            "id": user.id,
            "team_id": space.team_id,
            "name": user.name,
            "deleted": user.deleted,
            "is_admin": user.is_admin,
            "is_owner": user.is_owner,
            "is_primary_owner": user.is_primary_owner,
            "is_restricted": user.is_restricted,
            "profile": {"display_name": user.name, "real_name": user.name.title()},
        }
    }


def usergroups_list(space: Workspace, arguments: Arguments) -> Answer:
    with_users = str(arguments.get("include_users", "")).lower() in {"1", "true"}
    groups = [
        {"id": g.id, "team_id": space.team_id, "handle": g.handle, **({"users": g.users} if with_users else {})}
        for g in space.groups.values()
    ]
    return {"usergroups": groups}


def get_upload_url(space: Workspace, arguments: Arguments) -> Answer:
    filename, length = str(arguments.get("filename", "")), str(arguments.get("length", ""))
    if not filename or not length.isdecimal() or int(length) == 0:
        raise Refusal("invalid_arguments")
    if len(str(arguments.get("alt_txt", ""))) > 1000:
        raise Refusal("alt_txt_too_large")
    file = StoredFile(
        id=f"F0{space.number():06d}",
        filename=filename,
        length=int(length),
        alt_text=str(arguments.get("alt_txt", "")),
        unseen_looks=space.share_lag,
    )
    space.files[file.id] = file
    return {"file_id": file.id, "upload_path": f"upload/v1/{file.id}"}


def complete_upload(space: Workspace, arguments: Arguments) -> Answer:
    listed = arguments.get("files", "[]")
    wanted = json.loads(listed) if isinstance(listed, str) else listed
    files = [space.files.get(str(entry.get("id"))) for entry in wanted]
    if not files:
        raise Refusal("invalid_arguments")
    found = [file for file in files if file is not None]
    if len(found) != len(files) or any(file.data is None or file.completed for file in found):
        raise Refusal("file_not_found")
    channel_id, blocks = arguments.get("channel_id"), _blocks(arguments)
    check_blocks(blocks)
    if channel_id:
        channel = _postable(space, {"channel": channel_id})
        thread_ts = arguments.get("thread_ts") or None
        text = "" if blocks else str(arguments.get("initial_comment") or "")
        ids = [file.id for file in found]
        message = Message(
            channel=channel.id, ts=space.new_ts(), text=text, blocks=blocks, thread_ts=thread_ts, file_ids=ids
        )
        space.messages.append(message)
        for file in found:
            file.channel, file.ts = channel.id, message.ts
    for file in found:
        file.completed = True
    return {"files": [{"id": file.id, "title": file.filename} for file in found]}


def files_info(space: Workspace, arguments: Arguments) -> Answer:
    file = space.files.get(str(arguments.get("file")))
    if file is None or not file.completed:
        raise Refusal("file_not_found")
    shares: dict[str, Any] = {}
    if file.unseen_looks > 0:
        file.unseen_looks -= 1  # Slack shares in the background: at first the file is there and nowhere to be seen
    elif file.channel:
        kind = "private" if space.channels[file.channel].private else "public"
        shares = {kind: {file.channel: [{"ts": file.ts}]}}
    return {"file": {"id": file.id, "name": file.filename, "alt_txt": file.alt_text, "shares": shares}}


def views_open(_: Workspace, arguments: Arguments) -> Answer:
    if not arguments.get("trigger_id"):
        raise Refusal("invalid_trigger_id")
    return {"view": {"id": "V0PEER"}}


def _postable(space: Workspace, arguments: Arguments) -> Channel:
    channel = space.channels.get(str(arguments.get("channel")))
    if channel is None or (channel.private and not channel.bot_is_in):
        raise Refusal("channel_not_found")
    if channel.archived:
        raise Refusal("is_archived")
    if not channel.bot_is_in:
        raise Refusal("not_in_channel")
    return channel


def _content(arguments: Arguments) -> tuple[str, list[dict[str, Any]]]:
    return str(arguments.get("text") or ""), _blocks(arguments)


def _blocks(arguments: Arguments) -> list[dict[str, Any]]:
    blocks = arguments.get("blocks") or []
    if isinstance(blocks, str):
        try:
            blocks = json.loads(blocks)
        except json.JSONDecodeError:
            raise Refusal("invalid_blocks_format") from None
    return list(blocks)


METHODS = {
    "auth.test": Method(auth_test),
    "chat.postMessage": Method(post_message, "chat:write"),
    "chat.update": Method(update, "chat:write"),
    "chat.postEphemeral": Method(post_ephemeral, "chat:write"),
    "chat.delete": Method(delete, "chat:write"),
    "users.info": Method(users_info, "users:read"),
    "usergroups.list": Method(usergroups_list, "usergroups:read"),
    "files.getUploadURLExternal": Method(get_upload_url, "files:write"),
    "files.completeUploadExternal": Method(complete_upload, "files:write"),
    "files.info": Method(files_info, "files:read"),
    "views.open": Method(views_open),
}
"""All methods but apps.connections.open, which needs the server's own address."""
