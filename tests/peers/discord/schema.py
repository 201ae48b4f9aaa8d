"""Validates request bodies against Discord's own OpenAPI description, where that is present.

The folder is named by TESSERA_SPECS, or is `shared/specs` beside the repository; without it, nothing is validated.
"""

import functools
import json
import os
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.peers.discord.refusal import invalid
from tests.peers.discord.state import Json

_NAME = "discord-openapi.json"
_ROOT = "urn:discord"


def find_description() -> Path | None:
    """The description's file, or None."""
    beside = Path(__file__).parents[4] / "shared" / "specs"
    folder = Path(os.environ["TESSERA_SPECS"]) if "TESSERA_SPECS" in os.environ else beside
    path = folder / _NAME
    return path if path.is_file() else None


@functools.cache
def load_description(path: Path) -> "Description":
    """The description, read once for all stand-ins of a process: it is 1 MB of JSON."""
    return Description(path)


class Description:
    """The OpenAPI description, read when the first body is validated."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Bodies that passed: every client registers the same commands, and looking through them takes a while.
        self._passed: set[tuple[str, str, str]] = set()
        self._validators: dict[tuple[str, str], Any] = {}

    @functools.cached_property
    def _document(self) -> Json:
        document: Json = json.loads(self._path.read_text(encoding="utf-8"))
        return document

    @functools.cached_property
    def _registry(self) -> Any:
        return Registry().with_resource(_ROOT, DRAFT202012.create_resource(self._document))

    @functools.cached_property
    def _templates(self) -> list[tuple[re.Pattern[str], str]]:
        found = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in self._document["paths"]]
        return sorted(found, key=lambda item: item[1].count("{"))

    def check(self, method: str, path: str, body: object) -> None:
        """Raise `Refusal` for a body that the description does not allow at this path (below the API's root)."""
        template = next((name for pattern, name in self._templates if pattern.fullmatch(path)), None)
        operation = self._document["paths"].get(template, {}).get(method.lower(), {})
        if "requestBody" not in operation or template is None:
            return
        known = (template, method, json.dumps(body, sort_keys=True))
        if known in self._passed:
            return
        error = next(self._validator(template, method.lower()).iter_errors(body), None)
        if error is not None:
            where = ".".join(map(str, error.absolute_path)) or "body"
            raise invalid(f"{where}: {error.message[:300]}")
        self._passed.add(known)

    def _validator(self, template: str, method: str) -> Any:
        key = (template, method)
        if key not in self._validators:
            pointer = template.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
            ref = f"{_ROOT}#/paths/{pointer}/{method}/requestBody/content/application~1json/schema"
            self._validators[key] = Draft202012Validator({"$ref": ref}, registry=self._registry)
        return self._validators[key]
