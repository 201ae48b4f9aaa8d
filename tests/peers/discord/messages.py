"""Creates, edits and looks up messages as Discord does, refusing what it would refuse."""

from tests.peers.discord.checks import check_message, check_references, check_uploads, is_v2
from tests.peers.discord.payloads import ephemeral_flags
from tests.peers.discord.refusal import Refusal
from tests.peers.discord.state import LOADING, Json, Message, Store, Upload, copied, walk

NONCE_LIFE_MS = 5 * 60 * 1000  # “the past few minutes” of the documentation


def create(store: Store, body: Json, files: dict[int, Upload], record: Message) -> Message:
    """Make the message and keep it; raises `Refusal`."""
    record.flags |= ephemeral_flags(body.get("flags") or 0)
    record.nonce = None if body.get("nonce") is None else str(body["nonce"])
    _apply(store, record, body, files, editing=False)
    store.messages[record.id] = record
    record.remember()
    return record


def defer(store: Store, record: Message, flags: int) -> Message:
    """Make the “is thinking…” message."""
    record.flags = LOADING | ephemeral_flags(flags)
    store.messages[record.id] = record
    record.remember()
    return record


def edit(store: Store, body: Json, files: dict[int, Upload], record: Message) -> Message:
    """Change what the body names and leave the rest; raises `Refusal`."""
    flags = record.flags
    record.flags |= ephemeral_flags(body.get("flags") or 0) & ~64  # nobody can make a message ephemeral afterwards
    try:
        _apply(store, record, body, files, editing=not record.loading)
    except Refusal:
        record.flags = flags
        raise
    record.flags &= ~LOADING
    record.edits += 1
    record.remember()
    return record


def same_nonce(store: Store, channel_id: int, body: Json) -> Message | None:
    """The message sent with the same nonce a short while ago, if the client asks to have it enforced."""
    if not body.get("enforce_nonce") or body.get("nonce") is None:
        return None
    since = store.clock() - NONCE_LIFE_MS
    found = (m for m in store.in_channel(channel_id) if m.nonce == str(body["nonce"]) and m.created_ms >= since)
    return next(found, None)


def find(store: Store, message_id: int, channel_id: int | None = None) -> Message:
    """A message that is there, in this channel; raises `Refusal`."""
    record = store.messages.get(message_id)
    if record is None or record.deleted or (channel_id is not None and record.channel_id != channel_id):
        raise Refusal(404, 10008, "Unknown Message")
    return record


def _apply(store: Store, record: Message, body: Json, files: dict[int, Upload], *, editing: bool) -> None:
    new = record.body | {key: body[key] for key in ("content", "embeds", "components") if key in body}
    kept = _kept(record, body)
    check_uploads(body, files, kept, store.file_limit, store.request_limit)
    uploads = [*kept, *files.values()]
    check_message(
        new | {key: body[key] for key in ("attachments", "nonce") if key in body},
        uploads,
        v2=is_v2(record.flags),
        editing=editing,
    )
    new = copied(new)
    for upload in files.values():
        upload.url = f"{store.cdn}/attachments/{record.channel_id}/{upload.id}/{upload.filename}"
    if "components" in body:
        check_references(new.get("components") or [], uploads)
        _finish(new.get("components") or [], uploads)
    record.body, record.uploads = new, uploads


def _kept(record: Message, body: Json) -> list[Upload]:
    if body.get("attachments") is None:
        return [] if "attachments" in body else list(record.uploads)
    ids = {str(entry["id"]) for entry in body["attachments"]}
    return [upload for upload in record.uploads if str(upload.id) in ids]


def _finish(components: list[Json], uploads: list[Upload]) -> None:
    """Number the components that have no id, and turn references into addresses."""
    parts = walk(components)
    taken = {part["id"] for part in parts if part.get("id")}
    free = (number for number in range(1, 1000) if number not in taken)
    by_name = {upload.filename: upload for upload in uploads}
    for part in parts:
        part["id"] = part.get("id") or next(free)
        for item in (part.get("items") or []) if part["type"] == 12 else []:
            upload = by_name.get(item["media"]["url"].removeprefix("attachment://"))
            if upload is not None:
                item["media"] = {
                    "url": upload.url,
                    "proxy_url": upload.url,
                    "width": 1,
                    "height": 1,
                    "content_type": upload.content_type,
                    "attachment_id": str(upload.id),
                    "loading_state": 2,
                    "placeholder": "",
                    "flags": 0,
                }
