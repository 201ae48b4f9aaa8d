"""A ComfyUI workflow as a template: read from its file, its slots found, and filled for one order.

Owns the form of the file, what a slot is, and what an order loses where the template lacks one. It must not know the
network or what a node does.

The file is what ComfyUI's editor saves as “Export (API)”: a JSON object of nodes by their ids, each with `class_type`
and `inputs` (docs.comfy.org, “Workflow API format”, November 2026). An input that is the text `{{seed}}` and nothing
else is a slot, and gets the number itself; `{{prompt}}` may also stand inside a longer text. Slots are filled in the
parsed tree, each text once, so a prompt can become nothing but text: no other JSON, and no other slot.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generation.catalogue import ModelEntry
from generation.errors import ModelMissing
from generation.request import JobOrder

Value = str | int | float | None

SLOTS = frozenset({"prompt", "seed", "width", "height", "steps", "guidance", "count"})
"""The names of all slots; sizes are in pixels, `count` is the number of pictures in one job."""

_PROMPT = "{{prompt}}"
_SLOT = re.compile(r"\{\{([A-Za-z_]+)\}\}")
_LIMIT = 4 * 1024 * 1024
# What a catalogue entry calls the numbers that an order can lack.
_FIELDS = {"steps": "num_inference_steps", "guidance": "guidance_scale"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A template: its nodes by id, the names of the slots in it, and `digest`, the SHA-256 of the file in hex."""

    name: str
    nodes: Mapping[str, Any] = field(repr=False)
    slots: frozenset[str]
    digest: str

    @property
    def revision(self) -> str:
        """The file's name and enough of its digest to tell its versions apart."""
        return f"{self.name}@{self.digest[:12]}"

    def filled(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """The nodes with `values` in their slots; those that the template lacks are left over.

        Raises `ModelMissing` for a slot without a value.
        """
        for slot in sorted(self.slots):
            if values[slot] is None:
                raise _wrong(
                    self.name,
                    f"has the slot {{{{{slot}}}}}, and the catalogue entry gives no {_FIELDS.get(slot, slot)}",
                )
        return {
            number: {**node, "inputs": {name: _fill(value, values) for name, value in node["inputs"].items()}}
            for number, node in self.nodes.items()
        }


def read_workflow(path: Path) -> Workflow:
    """Read and check a template; raises `ModelMissing`, naming the file and what is wrong with it."""
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise _wrong(str(path), f"cannot be read ({type(error).__name__})") from None
    if len(data) > _LIMIT:
        raise _wrong(path.name, "is too large to be a workflow")
    try:
        nodes = json.loads(data)
        _check_form(path.name, nodes)
        slots = frozenset(_slots(path.name, nodes))
    except (ValueError, RecursionError):
        raise _wrong(path.name, "is no JSON") from None
    if "prompt" not in slots:
        raise _wrong(path.name, f"has no slot {_PROMPT}, so no prompt would reach the model")
    return Workflow(name=path.name, nodes=nodes, slots=slots, digest=hashlib.sha256(data).hexdigest())


def fillings(workflow: Workflow, order: JobOrder) -> list[dict[str, Any]]:
    """The workflow of each job that the order needs: one a picture, or one for all where the template has a count.

    Raises `ModelMissing` as `Workflow.filled` does.
    """
    asked = order.params
    # Without a seed to set, a second job would only draw the same picture again.
    alone = "count" in workflow.slots or "seed" not in workflow.slots
    values: dict[str, Value] = {
        "prompt": order.prompt,
        "width": asked.width,
        "height": asked.height,
        "steps": asked.num_inference_steps,
        "guidance": asked.guidance_scale,
        "count": asked.num_images,
    }
    return [workflow.filled({**values, "seed": seed}) for seed in (asked.seeds[:1] if alone else asked.seeds)]


def seeds(workflow: Workflow, order: JobOrder) -> tuple[int | None, ...]:
    """The seed by which each of the order's pictures can be asked for again, or None."""
    count = order.params.num_images
    if "seed" not in workflow.slots:
        return (None,) * count
    return (order.params.seed, *(None,) * (count - 1)) if "count" in workflow.slots else order.params.seeds


def notes(workflow: Workflow, entry: ModelEntry, order: JobOrder, made: int) -> tuple[str, ...]:
    """What the template could not do of the order, as sentences for the member; `made` pictures came."""
    asked, slots, title = order.params, workflow.slots, entry.title
    lacking = {
        f"{title} takes no seed.": "seed" not in slots,
        f"{title} draws several pictures from the seed of the first.": made > 1 and slots >= {"seed", "count"},
        f"{title} takes no size.": not slots >= {"width", "height"},
        f"{title} takes no number of steps.": asked.num_inference_steps is not None and "steps" not in slots,
        f"{title} takes no guidance scale.": asked.guidance_scale is not None and "guidance" not in slots,
        f"{title} made {made} of {asked.num_images} pictures.": made < asked.num_images,
    }
    return tuple(sentence for sentence, true in lacking.items() if true)


def _wrong(name: str, what: str) -> ModelMissing:
    return ModelMissing(f"ComfyUI's workflow {name} {what}.")


def _check_form(name: str, nodes: object) -> None:
    if isinstance(nodes, dict) and isinstance(nodes.get("nodes"), list):
        raise _wrong(name, "is in the editor's own format; save it with “Export (API)”")
    if not isinstance(nodes, dict) or not nodes or not all(_is_node(node) for node in nodes.values()):
        raise _wrong(name, "is no object of nodes with class_type and inputs")


def _is_node(node: object) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)


def _slots(name: str, nodes: Mapping[str, Any]) -> Iterator[str]:
    """The slots in all inputs; raises `ModelMissing` for one that would never be filled."""
    for node in nodes.values():
        for text in _texts(node["inputs"]):
            whole = _SLOT.fullmatch(text)
            if whole is not None and whole[1] not in SLOTS:
                raise _wrong(name, f"has the slot {whole[0]}, which nothing fills")
            for slot in _SLOT.findall(text):
                if slot == "prompt" or whole is not None:
                    yield slot
                elif slot in SLOTS:
                    raise _wrong(name, f"has {{{{{slot}}}}} inside a longer text, where only {_PROMPT} may stand")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _fill(value: Any, values: Mapping[str, Value]) -> Any:  # noqa: ANN401 - JSON in, JSON out
    if isinstance(value, dict):
        return {name: _fill(part, values) for name, part in value.items()}
    if isinstance(value, list):
        return [_fill(part, values) for part in value]
    if not isinstance(value, str):
        return value
    whole = _SLOT.fullmatch(value)
    # Once and no more: what a prompt says is never looked at for slots.
    return values[whole[1]] if whole is not None else value.replace(_PROMPT, str(values["prompt"]))
