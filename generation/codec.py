"""How the nouns travel: dataclass to plain JSON data and back, versioned and validated.

Owns `encode`, `decode` and `Malformed`. Pydantic checks every field, so data from Redis or from a file is never
trusted further than its schema; pickle is never used.
"""

import functools
import json
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

VERSION = 1

T = TypeVar("T")


class Malformed(ValueError):
    """Data that is not what it should be. The message names fields, never their content."""


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - functools.cache wants a hashable, which every class is
    return TypeAdapter(kind)


def encode(value: object) -> dict[str, Any]:
    """Turn a dataclass into JSON-ready data that says its version."""
    kind: Any = type(value)
    data = _adapter(kind).dump_python(value, mode="json")
    return {"v": VERSION, **data}


def decode(kind: type[T], data: object) -> T:
    """Turn what `encode` made back into a `kind`; raises `Malformed` for anything else."""
    if not isinstance(data, dict) or data.get("v") != VERSION:
        raise Malformed(f"not a version {VERSION} {kind.__name__}")
    try:
        return cast(
            "T", _adapter(cast("Any", kind)).validate_python({key: value for key, value in data.items() if key != "v"})
        )
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, problem["loc"])) or "?" for problem in error.errors())
        raise Malformed(f"{kind.__name__}: {fields}") from None


def to_json(value: object) -> str:
    """`encode` as compact JSON text."""
    return json.dumps(encode(value), ensure_ascii=False, separators=(",", ":"))


def from_json(kind: type[T], text: str | bytes) -> T:
    """`decode` from JSON text; raises `Malformed`."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise Malformed(f"{kind.__name__}: not JSON") from None
    return decode(kind, data)
