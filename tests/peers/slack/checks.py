"""What Slack refuses in a message. Limits from docs.slack.dev: chat.postMessage, and the Block Kit reference."""

import re
from typing import Any

_TEXT_LIMITS = {"section": 3000, "context": 3000, "header": 150}
_FIELDS = {
    "section": {"type", "block_id", "text", "fields", "accessory", "expand"},
    "context": {"type", "block_id", "elements"},
    "actions": {"type", "block_id", "elements"},
    "divider": {"type", "block_id"},
    "header": {"type", "block_id", "text"},
    "image": {"type", "block_id", "alt_text", "image_url", "slack_file", "title"},
}


class Refusal(Exception):
    """Slack's error code, with whatever else the answer holds."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error, self.more = error, more


def check_message(text: str, blocks: list[dict[str, Any]]) -> None:
    if not text and not blocks:
        raise Refusal("no_text")
    if len(text) > 40_000:
        raise Refusal("msg_too_long")
    check_blocks(blocks)


def check_blocks(blocks: Any) -> None:
    if not isinstance(blocks, list) or len(blocks) > 50:
        raise _invalid("blocks: a list of 50 at most")
    action_ids: list[str] = []
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind not in _FIELDS:
            raise _invalid(f"unsupported type: {kind}")
        if unknown := set(block) - _FIELDS[kind]:
            raise _invalid(f"unknown fields: {sorted(unknown)}")
        if kind in {"section", "header"}:
            _check_text(block.get("text"), _TEXT_LIMITS[kind])
        elif kind in {"context", "actions"}:
            _check_elements(kind, block.get("elements"), action_ids)
    if len(set(action_ids)) != len(action_ids):
        raise _invalid("action_id appears twice in a message")


def pings(text: str, blocks: list[dict[str, Any]]) -> bool:
    """Whether a message would notify or link somebody: unescaped angle brackets where Slack reads markup."""
    marked = [text, *(t["text"] for t in _text_objects(blocks) if t["type"] == "mrkdwn")]
    return any(re.search(r"<[@#!]|<https?:", part) for part in marked)


def _check_elements(kind: str, elements: Any, action_ids: list[str]) -> None:
    most = 10 if kind == "context" else 25
    if not isinstance(elements, list) or not 1 <= len(elements) <= most:
        raise _invalid(f"{kind}: 1 to {most} elements")
    for element in elements:
        if kind == "context":
            _check_text(element, _TEXT_LIMITS[kind])
            continue
        if element.get("type") != "button":
            raise _invalid(f"unsupported element: {element.get('type')}")
        _check_text(element.get("text"), 75)
        if element["text"]["type"] != "plain_text":
            raise _invalid("a button's label is plain_text")
        if len(element.get("value", "")) > 2000 or not 1 <= len(element.get("action_id", "")) <= 255:
            raise _invalid("button: value up to 2000, action_id 1 to 255 characters")
        action_ids.append(element["action_id"])


def _check_text(text: Any, most: int) -> None:
    if not isinstance(text, dict) or text.get("type") not in {"plain_text", "mrkdwn"}:
        raise _invalid("a text object is missing")
    if text["type"] == "mrkdwn" and "emoji" in text:
        raise _invalid("emoji belongs to plain_text")
    if not isinstance(text.get("text"), str) or not 1 <= len(text["text"]) <= most:
        raise _invalid(f"text: 1 to {most} characters")


def _text_objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for part in value for found in _text_objects(part)]
    if isinstance(value, dict):
        if value.get("type") in {"plain_text", "mrkdwn"}:
            return [value]
        return [found for part in value.values() for found in _text_objects(part)]
    return []


def _invalid(why: str) -> Refusal:
    return Refusal("invalid_blocks", response_metadata={"messages": [f"[ERROR] {why}"]})
