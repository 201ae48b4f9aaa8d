"""How the stand-in's records look as Discord's JSON: users, members, the server, messages, interactions.

Pure but for the store's ids and clock. The shapes follow discord/discord-api-docs (developers/resources,
developers/interactions); only what discord.py reads is filled in beyond the required.
"""

from datetime import UTC, datetime
from typing import Any

from tests.peers.discord.state import COMPONENTS_V2, EPHEMERAL, Interaction, Json, Message, Store, Upload, walk

OPTION_TYPES = {"string": 3, "integer": 4, "boolean": 5, "user": 6, "channel": 7, "role": 8, "mentionable": 9}
USE_COMMANDS = 1 << 31


def user(store: Store, user_id: int) -> Json:
    bot = user_id == store.bot_id
    name = "tessera" if bot else store.members.get(user_id, f"member{user_id % 1000}")
    return {
        "id": str(user_id),
        "username": name,
        "discriminator": "0",
        "global_name": None,
        "avatar": None,
        "bot": bot,
        "public_flags": 0,
        "primary_guild": None,
    }


def member(store: Store, user_id: int, role_ids: tuple[int, ...] = (), permissions: int | None = None) -> Json:
    """A member; with `permissions`, as interactions carry it."""
    body = {
        "user": user(store, user_id),
        "nick": None,
        "avatar": None,
        "banner": None,
        "roles": [str(role) for role in role_ids],
        "joined_at": "2026-01-01T00:00:00+00:00",
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "premium_since": None,
        "communication_disabled_until": None,
    }
    return body if permissions is None else body | {"permissions": str(permissions)}


def role(store: Store, role_id: int) -> Json:
    return {
        "id": str(role_id),
        "name": store.roles[role_id],
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": 0 if role_id == store.guild_id else 1,
        "permissions": "2147483648",
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def channel(store: Store, channel_id: int) -> Json:
    body: Json = {"id": str(channel_id), "guild_id": str(store.guild_id), "flags": 0, "last_message_id": None}
    if channel_id == store.thread_id:
        return body | {
            "type": 11,
            "name": "a thread",
            "parent_id": str(store.channel_id),
            "owner_id": str(store.bot_id),
            "rate_limit_per_user": 0,
            "message_count": 0,
            "member_count": 1,
            "thread_metadata": {
                "archived": False,
                "auto_archive_duration": 1440,
                "archive_timestamp": "2026-01-01T00:00:00+00:00",
                "locked": False,
            },
        }
    return body | {"type": 0, "name": "pictures", "position": 0, "permission_overwrites": [], "nsfw": False}


def guild(store: Store) -> Json:
    """The server as GUILD_CREATE carries it."""
    return {
        "id": str(store.guild_id),
        "name": "A server",
        "owner_id": "1",
        "unavailable": False,
        "large": False,
        "member_count": 3,
        "joined_at": "2026-01-01T00:00:00+00:00",
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": None,
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "application_id": None,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": "en-US",
        "vanity_url_code": None,
        "features": [],
        "emojis": [],
        "stickers": [],
        "roles": [role(store, role_id) for role_id in store.roles],
        "channels": [channel(store, store.channel_id)],
        "threads": [channel(store, store.thread_id)],
        "members": [member(store, store.bot_id)],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def attachment(upload: Upload) -> Json:
    return {
        "id": str(upload.id),
        "filename": upload.filename,
        "size": len(upload.data),
        "url": upload.url,
        "proxy_url": upload.url,
        "content_type": upload.content_type,
        "flags": 0,
    } | ({"description": upload.description} if upload.description else {})


def message(store: Store, record: Message) -> Json:
    """A message as REST answers it. Uploads that a component shows are not listed: discord/discord-api-docs#8277."""
    used = {
        item["media"].get("attachment_id")
        for part in walk(record.body.get("components") or [])
        if part["type"] == 12
        for item in part["items"]
    }
    listed = [attachment(upload) for upload in record.uploads if str(upload.id) not in used]
    body: Json = {
        "id": str(record.id),
        "type": 0,
        "channel_id": str(record.channel_id),
        "author": user(store, store.bot_id),
        "content": record.body.get("content") or "",
        "embeds": record.body.get("embeds") or [],
        "components": record.body.get("components") or [],
        "attachments": [] if record.flags & COMPONENTS_V2 else listed,
        "timestamp": _iso(record.created_ms),
        "edited_timestamp": _iso(store.clock()) if record.edits else None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "pinned": False,
        "flags": record.flags,
    }
    if record.nonce is not None:
        body["nonce"] = record.nonce
    if record.interaction_id is not None:
        body |= {"application_id": str(store.application_id), "webhook_id": str(store.application_id), "type": 20}
    return body


def callback(interaction: Interaction, store: Store) -> Json:
    """The answer to an acknowledgement with `with_response`."""
    about: Json = {"id": str(interaction.id), "type": interaction.type}
    resource: Json = {"type": interaction.response_type}
    if interaction.original is not None:
        about |= {
            "response_message_id": str(interaction.original.id),
            "response_message_loading": interaction.original.loading,
            "response_message_ephemeral": interaction.original.ephemeral,
        }
        if interaction.response_type in {4, 7}:
            resource["message"] = message(store, interaction.original)
    return {"interaction": about, "resource": resource}


def interaction(
    store: Store,
    *,
    record_id: int,
    token: str,
    kind: int,
    data: Json,
    user_id: int,
    role_ids: tuple[int, ...],
    permissions: int,
    channel_id: int,
    on: Message | None = None,
) -> Json:
    """The payload of INTERACTION_CREATE."""
    body: Json = {
        "id": str(record_id),
        "application_id": str(store.application_id),
        "type": kind,
        "data": data,
        "guild_id": str(store.guild_id),
        "guild": {"id": str(store.guild_id), "locale": "en-US", "features": []},
        "guild_locale": "en-US",
        "channel_id": str(channel_id),
        "channel": channel(store, channel_id) | {"permissions": str(permissions)},
        "member": member(store, user_id, role_ids, permissions),
        "token": token,
        "version": 1,
        "app_permissions": "2147608576",
        "locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": {"0": str(store.guild_id)},
        "context": 0,
        "attachment_size_limit": store.file_limit,
    }
    return body if on is None else body | {"message": message(store, on)}


def command_data(store: Store, command: Json, path: list[str], options: dict[str, Any], focused: str | None) -> Json:
    """`data` of a command interaction; `path` names the subcommand, ids among the options are resolved."""
    resolved: Json = {"users": {}, "members": {}, "roles": {}}
    leaf = command
    for name in path:
        leaf = next(option for option in leaf["options"] if option["name"] == name)
    known = {option["name"]: option["type"] for option in leaf.get("options", [])}
    filled = []
    for name, value in options.items():
        option: Json = {"name": name, "type": known.get(name, 3), "value": value}
        if name == focused:
            option["focused"] = True
        if option["type"] in {6, 8, 9}:
            option["value"] = str(value)
            _resolve(store, int(value), resolved)
        filled.append(option)
    for name in reversed(path):
        filled = [{"name": name, "type": 1, "options": filled}]
    data = {"id": command["id"], "name": command["name"], "type": 1, "options": filled}
    kept = {key: value for key, value in resolved.items() if value}
    return data | ({"resolved": kept} if kept else {})


def _resolve(store: Store, target: int, resolved: Json) -> None:
    if target in store.roles:
        resolved["roles"][str(target)] = role(store, target)
        return
    resolved["users"][str(target)] = user(store, target)
    if target in store.members:
        full = member(store, target, permissions=USE_COMMANDS)
        del full["user"], full["deaf"], full["mute"]
        resolved["members"][str(target)] = full


def ephemeral_flags(flags: int) -> int:
    """Of the flags a client may send, those the message keeps."""
    return flags & (EPHEMERAL | COMPONENTS_V2)


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
