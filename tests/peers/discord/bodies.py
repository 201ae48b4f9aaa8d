"""Reads request bodies: JSON, or a form with `payload_json` and `files[n]`."""

import json
import re

from aiohttp import BodyPartReader, web

from tests.peers.discord.refusal import Refusal, invalid
from tests.peers.discord.state import Json, Store, Upload

_FILE_FIELD = re.compile(r"files\[(\d)\]")
_TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "txt": "text/plain"}


async def read_body(request: web.Request, store: Store) -> tuple[Json, dict[int, Upload]]:
    """The JSON part and the uploads by their number in the form; raises `Refusal`."""
    if not request.content_type.startswith("multipart/"):
        return _json(await request.read()), {}
    body: Json = {}
    files: dict[int, Upload] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise invalid("nested forms are not taken.")
        data = bytes(await part.read())
        if part.name == "payload_json":
            body = _json(data)
        elif found := _FILE_FIELD.fullmatch(part.name):
            name = part.filename or "unknown"
            kind = _TYPES.get(name.rsplit(".", 1)[-1].lower(), "application/octet-stream")
            files[int(found[1])] = Upload(store.new_id(), name, data, content_type=kind)
        else:
            raise invalid(f"{part.name}: unknown form field.")
    for entry in body.get("attachments") or []:
        upload = files.get(int(entry["id"])) if int(entry["id"]) < 10 else None
        if upload is not None:
            upload.description = entry.get("description")
            upload.filename = entry.get("filename") or upload.filename
    return body, files


def _json(data: bytes) -> Json:
    try:
        body = json.loads(data or b"{}")
    except ValueError:
        raise Refusal(400, 50109, "The request body contains invalid JSON.") from None
    return {"": body} if isinstance(body, list) else body


def for_schema(body: Json) -> object:
    """The body as the description wants it: discord.py sends attachment ids as integers."""
    if "" in body:
        return body[""]
    if "data" in body and isinstance(body["data"], dict):
        return body | {"data": for_schema(body["data"])}
    if not body.get("attachments"):
        return body
    return body | {"attachments": [entry | {"id": str(entry["id"])} for entry in body["attachments"]]}
