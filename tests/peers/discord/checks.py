"""What Discord would refuse, for message bodies: limits and rules that its JSON schema does not hold.

Pure. Sources: discord/discord-api-docs developers/resources/message.mdx, developers/components/reference.mdx and
developers/reference.mdx (uploading files).
"""

from collections.abc import Sequence

from tests.peers.discord.refusal import Refusal, invalid
from tests.peers.discord.state import COMPONENTS_V2, Json, Upload, walk

LEGACY_TYPES = {1, 2, 3, 5, 6, 7, 8}
INTERACTIVE_TYPES = {2, 3, 5, 6, 7, 8}


def check_message(body: Json, files: Sequence[Upload], *, v2: bool, editing: bool) -> None:
    """Raise `Refusal` for a body Discord would not take; `v2` is whether the message has (or had) components v2."""
    content, embeds = body.get("content") or "", body.get("embeds") or []
    components = body.get("components") or []
    if len(content) > 2000:
        raise invalid("content: Must be 2000 or fewer in length.")
    if len(embeds) > 10 or sum(map(_embed_length, embeds)) > 6000:
        raise Refusal(400, 50035, "Embed size exceeds maximum size of 6000")
    if len(body.get("nonce") or "") > 25:
        raise invalid("nonce: Must be 25 or fewer in length.")
    if len(body.get("attachments") or []) > 10 or len(files) > 10:
        raise invalid("attachments: Must be 10 or fewer in length.")
    if v2:
        _check_v2(components, content, embeds)
    else:
        _check_legacy(components)
    _check_ids(components)
    if not (content or embeds or components or files or editing or body.get("attachments")):
        raise Refusal(400, 50006, "Cannot send an empty message")


def check_uploads(body: Json, files: dict[int, Upload], kept: Sequence[Upload], limit: int, most: int) -> None:
    """Raise `Refusal` for files that are too large or that `attachments` names without their being there."""
    if any(len(upload.data) > limit for upload in files.values()):
        raise Refusal(413, 40005, "Request entity too large")
    if sum(len(upload.data) for upload in files.values()) > most:
        raise Refusal(413, 40005, "Request entity too large")
    known = {str(index) for index in files} | {str(upload.id) for upload in kept}
    for entry in body.get("attachments") or []:
        if str(entry["id"]) not in known:
            raise invalid(f"attachments: no file or attachment with id {entry['id']}.")


def check_references(components: list[Json], uploads: Sequence[Upload]) -> None:
    """Raise `Refusal` for an `attachment://` that points nowhere."""
    names = {upload.filename for upload in uploads}
    for part in walk(components):
        urls = [item["media"]["url"] for item in part.get("items") or []] if part["type"] == 12 else []
        for url in urls:
            if url.startswith("attachment://") and url.removeprefix("attachment://") not in names:
                raise invalid("components: The referenced attachment was not found.")


def _check_v2(components: list[Json], content: str, embeds: list[Json]) -> None:
    if content or embeds:
        raise invalid("content, embeds: cannot be used with MessageFlags.IS_COMPONENTS_V2.")
    if not components:
        raise Refusal(400, 50006, "Cannot send an empty message")
    parts = walk(components)
    if len(parts) > 40:
        raise invalid("components: Must be 40 or fewer in total.")
    if sum(len(part["content"]) for part in parts if part["type"] == 10) > 4000:
        raise invalid("components: The displayable text must be 4000 or fewer in length.")
    for part in parts:
        if part["type"] == 12 and not 1 <= len(part["items"]) <= 10:
            raise invalid("items: Must be between 1 and 10 in length.")
        if part["type"] == 10 and not part["content"].strip():
            raise invalid("content: This field is required.")


def _check_legacy(components: list[Json]) -> None:
    if len(components) > 5:
        raise invalid("components: Must be 5 or fewer in length.")
    for part in walk(components):
        if part["type"] not in LEGACY_TYPES:
            raise invalid("components: needs MessageFlags.IS_COMPONENTS_V2.")


def _check_ids(components: list[Json]) -> None:
    parts = walk(components)
    given = [part["id"] for part in parts if part.get("id")]
    custom = [part["custom_id"] for part in parts if part.get("custom_id")]
    if len(given) != len(set(given)):
        raise invalid("components: Component ids must be unique.")
    if len(custom) != len(set(custom)):
        raise invalid("components: Component custom id cannot be duplicated.")
    for part in parts:
        if part["type"] == 1 and not 1 <= len(part["components"]) <= 5:
            raise invalid("components: Must be between 1 and 5 in length.")
        if part["type"] in INTERACTIVE_TYPES:
            _check_interactive(part)


def _check_interactive(part: Json) -> None:
    link = part["type"] == 2 and part.get("style") in {5, 6}
    if not link and not 1 <= len(part.get("custom_id") or "") <= 100:
        raise invalid("custom_id: Must be between 1 and 100 in length.")
    if part["type"] == 2 and len(part.get("label") or "") > 80:
        raise invalid("label: Must be 80 or fewer in length.")


def _embed_length(embed: Json) -> int:
    fields = embed.get("fields") or []
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    texts += [(embed.get("author") or {}).get("name")]
    texts += [text for item in fields for text in (item["name"], item["value"])]
    return sum(len(text or "") for text in texts)


def is_v2(flags: int) -> bool:
    return bool(flags & COMPONENTS_V2)
