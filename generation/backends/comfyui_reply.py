"""Reading what ComfyUI answers: why it takes no workflow, how a job ended, and where its pictures are.

Owns the way from a refusal or a job's record to our error tree. Pure. It must not know the network. No message here
quotes ComfyUI's own text, only the names of nodes, inputs and errors: the text can hold pieces of a prompt.

As of pieces of ComfyUI's execution.py and, for the names of its validation errors, of clients of it that tell them
apart (stored copies, read in November 2026).
"""

import re
from collections.abc import Mapping
from typing import Any

from generation.backends.rest import Answer
from generation.errors import (
    BackendUnavailable,
    BadReply,
    GenerationError,
    ModelMissing,
    OutOfMemory,
    UnsupportedRequest,
)

_NAME = re.compile(r"[\w .()+/-]{1,60}", re.ASCII)


def understand(answer: Answer) -> GenerationError | None:
    """ComfyUI's own reading of a refusal; None leaves it to the status."""
    if answer.status == 404:
        return ModelMissing(f"{answer.who} does not answer as ComfyUI does; is COMFYUI_BASE_URL right?")
    if answer.status != 400:
        return None
    content = answer.content() or {}
    error = _object(content.get("error"))
    if error.get("type") in {"missing_node_type", "invalid_prompt"}:
        names = _names(_object(error.get("extra_info")).get("class_type"))
        return ModelMissing(f"{answer.who} lacks a node that the workflow needs{names}.")
    kind, names = _first_node_error(content)
    if kind == "value_not_in_list":
        return ModelMissing(f"{answer.who} does not have what the workflow names{names}.")
    return UnsupportedRequest(f"{answer.who} does not take the workflow{names or _names(error.get('type'))}.")


def _first_node_error(content: Mapping[str, Any]) -> tuple[object, str]:
    """The kind of the first error at a node, and the names of node, input and kind for a sentence."""
    for node in _object(content.get("node_errors")).values():
        errors = _object(node).get("errors")
        for error in errors if isinstance(errors, list) else []:
            kind = _object(error).get("type")
            put = _object(_object(error).get("extra_info")).get("input_name")
            return kind, _names(_object(node).get("class_type"), put, kind)
    return None, ""


def problem_of(record: Mapping[str, Any], who: str) -> GenerationError | None:
    """Why the job of this record failed; None where it did not."""
    status = _object(record.get("status"))
    if status.get("status_str") != "error":
        return None
    messages = status.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if not isinstance(message, list) or len(message) != 2:
            continue
        if message[0] == "execution_interrupted":
            return BackendUnavailable(f"{who} was told by somebody else to stop the job.")
        if message[0] == "execution_error":
            return _failure(_object(message[1]), who)
    return UnsupportedRequest(f"{who} could not finish the workflow.")


def _failure(told: Mapping[str, Any], who: str) -> GenerationError:
    if str(told.get("exception_type")).endswith("OutOfMemoryError"):
        return OutOfMemory(f"{who} ran out of its device's memory{_names(told.get('node_type'))}.")
    names = _names(told.get("node_type"), told.get("exception_type"))
    return UnsupportedRequest(f"{who} could not finish the workflow{names}.")


def pictures_of(record: Mapping[str, Any], who: str, *, asked: int, node: str | None = None) -> list[dict[str, str]]:
    """Where a finished job's pictures are, as `/view` wants to be asked, in their order.

    Saved pictures count; previews only where nothing was saved. Raises `BadReply` where there are none and
    `UnsupportedRequest` for more than `asked`, unless `node` says which one's to take.
    """
    outputs = _object(record.get("outputs"))
    chosen = outputs.values() if node is None else [outputs.get(node)]
    lists = [_object(output).get("images") for output in chosen]
    found = [image for images in lists if isinstance(images, list) for image in images]
    places = [
        {name: image[name] for name in ("filename", "subfolder", "type")}
        for image in found
        if isinstance(image, dict) and all(isinstance(image.get(n), str) for n in ("filename", "subfolder", "type"))
    ]
    saved = [place for place in places if place["type"] == "output"]
    taken = saved or [place for place in places if place["type"] == "temp"]
    if not taken:
        raise BadReply(f"{who} finished the workflow without a picture.")
    if len(taken) > asked:
        raise UnsupportedRequest(
            f"{who} made {len(taken)} pictures where {asked} should come; name the node to take in arguments.output."
        )
    return taken


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _names(*names: object) -> str:
    """Names of ComfyUI's own in brackets; anything that could be more than a name is left out."""
    known = [name for name in names if isinstance(name, str) and _NAME.fullmatch(name)]
    return f" ({', '.join(known)})" if known else ""
