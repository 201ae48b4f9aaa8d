"""Workflow templates: slots get values of the right type, prompts stay text, and what is wrong is said by its name."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generation.backends.comfyui_workflow import Workflow, fillings, notes, read_workflow, seeds
from generation.errors import ModelMissing
from tests.making_jobs import api_entry, order
from tests.peers.comfyui import WORKFLOW

VALUES: dict[str, Any] = {
    "prompt": "a red boat",
    "seed": 7,
    "width": 64,
    "height": 32,
    "steps": 4,
    "guidance": 2.5,
    "count": 2,
}


def _node(**inputs: Any) -> dict[str, Any]:
    return {"class_type": "Zorblax", "inputs": inputs, "_meta": {"title": "{{seed}} in a title is no slot"}}


def _workflow(folder: Path, **inputs: Any) -> Workflow:
    """A template whose first node has the prompt, and the second one these inputs."""
    path = folder / "boats.json"
    path.write_text(json.dumps({"1": _node(text="{{prompt}}"), "2": _node(**inputs)}), encoding="utf-8")
    return read_workflow(path)


def test_numbers_come_as_numbers_and_nothing_else_changes(tmp_path: Path) -> None:
    given_inputs = {"seed": "{{seed}}", "cfg": "{{guidance}}", "batch": "{{count}}", "link": ["1", 0], "on": True}
    workflow = _workflow(tmp_path, **given_inputs, size=[{"w": "{{width}}", "h": "{{height}}"}], n="{{steps}}")

    filled = workflow.filled(VALUES)

    assert filled["2"] == _node(seed=7, cfg=2.5, batch=2, link=["1", 0], on=True, size=[{"w": 64, "h": 32}], n=4)
    assert type(filled["2"]["inputs"]["seed"]) is int
    assert workflow.nodes["2"]["inputs"]["seed"] == "{{seed}}"
    assert workflow.slots == set(VALUES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prompt=st.text()
    | st.sampled_from(['", "seed": 0}', "{{seed}}", "{{prompt}}{{prompt}}", "\\", "\\u0022", "\x00", "{{", '\n"}}'])
)
def test_any_prompt_is_nothing_but_the_text_of_its_slot(shipped: Workflow, prompt: str) -> None:
    filled = json.loads(json.dumps(shipped.filled({**VALUES, "prompt": prompt})))

    text = filled["6"]["inputs"]["text"]
    assert text == f"{prompt}, sharp"
    filled["6"]["inputs"]["text"] = "a red boat, sharp"
    assert filled == shipped.filled(VALUES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=st.text(), before=st.text(alphabet='ab "\\{}'), after=st.text(alphabet='ab "\\{}'))
def test_a_prompt_inside_a_longer_text_leaves_the_rest_of_it(prompt: str, before: str, after: str) -> None:
    nodes = {"1": _node(text=before + "{{prompt}}" + after, fixed="a boat")}
    workflow = Workflow(name="boats.json", nodes=copy.deepcopy(nodes), slots=frozenset({"prompt"}), digest="")

    (inputs,) = (node["inputs"] for node in json.loads(json.dumps(workflow.filled({"prompt": prompt}))).values())

    # Braces before it can make the slot begin earlier; the text between them is never lost.
    assert inputs == {"text": (before + "{{prompt}}" + after).replace("{{prompt}}", prompt), "fixed": "a boat"}
    assert workflow.nodes == nodes


@pytest.fixture(scope="module")
def shipped() -> Workflow:
    return read_workflow(WORKFLOW)


def test_the_slots_of_a_template_are_found(shipped: Workflow) -> None:
    assert shipped.slots == {"prompt", "seed", "width", "height", "steps", "guidance"}


def test_a_changed_file_has_another_revision(tmp_path: Path) -> None:
    first, second = _workflow(tmp_path, cfg=1.0).revision, _workflow(tmp_path, cfg=2.0).revision

    assert first != second
    assert first.startswith("boats.json@")


def _lines(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda _: None, r"cannot be read \(FileNotFoundError\)"),
        (lambda path: path.mkdir(), r"cannot be read \(IsADirectoryError\)"),
        (_lines("{{prompt}}"), "is no JSON"),
        (lambda path: path.write_bytes(b'{"\xff": 1}'), "is no JSON"),
        (_lines("[" * 100_000), "is no JSON"),
        (_lines(" " * 5_000_000), "too large"),
        (_lines('{"nodes": [{"id": 1}], "links": []}'), "Export"),
        (_lines("{}"), "no object of nodes"),
        (_lines('["{{prompt}}"]'), "no object of nodes"),
        (_lines('{"1": {"class_type": "A"}}'), "no object of nodes"),
        (_lines('{"1": {"class_type": "A", "inputs": {"text": "a boat"}}}'), r"has no slot \{\{prompt\}\}"),
        (_lines('{"1": {"class_type": "A", "inputs": {"a": "{{prompt}}", "b": "{{widht}}"}}}'), r"\{\{widht\}\}"),
        (_lines('{"1": {"class_type": "A", "inputs": {"a": "{{prompt}}", "b": "x-{{seed}}"}}}'), r"\{\{seed\}\}"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(
    tmp_path: Path, write: Callable[[Path], object], says: str
) -> None:
    write(path := tmp_path / "boats.json")

    with pytest.raises(ModelMissing, match=says) as caught:
        read_workflow(path)

    assert caught.value.detail.startswith("ComfyUI's workflow")
    assert "boats.json" in caught.value.detail


def test_braces_that_are_no_slot_of_ours_are_left_alone(tmp_path: Path) -> None:
    workflow = _workflow(tmp_path, template="Dear {{ name }}, {{greeting}} and {a|b}")

    assert workflow.filled(VALUES)["2"]["inputs"] == {"template": "Dear {{ name }}, {{greeting}} and {a|b}"}


def test_a_slot_for_which_nobody_names_a_number_is_said(tmp_path: Path) -> None:
    workflow = _workflow(tmp_path, n="{{steps}}")

    with pytest.raises(ModelMissing, match=r"\{\{steps\}\}.*num_inference_steps"):
        fillings(workflow, order(num_inference_steps=None))


def test_every_seed_is_a_job_of_its_own(shipped: Workflow) -> None:
    asked = order(num_images=3, seed=2**32 - 1)

    assert [job["3"]["inputs"]["seed"] for job in fillings(shipped, asked)] == [2**32 - 1, 0, 1]
    assert seeds(shipped, asked) == (2**32 - 1, 0, 1)
    assert notes(shipped, api_entry(), asked, 3) == ()


def test_a_template_with_a_count_is_one_job_from_one_seed(tmp_path: Path) -> None:
    workflow = _workflow(tmp_path, batch="{{count}}", seed="{{seed}}", w="{{width}}", h="{{height}}")
    asked = order(num_images=3, num_inference_steps=None, guidance_scale=None)

    (job,) = fillings(workflow, asked)

    assert job["2"]["inputs"]["batch"] == 3
    assert seeds(workflow, asked) == (7, None, None)
    assert notes(workflow, api_entry(), asked, 3) == ("Closed draws several pictures from the seed of the first.",)


def test_what_a_template_lacks_is_said_and_no_picture_is_drawn_twice(tmp_path: Path) -> None:
    workflow, asked = _workflow(tmp_path), order(num_images=3)

    assert len(fillings(workflow, asked)) == 1
    assert seeds(workflow, asked) == (None, None, None)
    assert notes(workflow, api_entry(), asked, 1) == (
        "Closed takes no seed.",
        "Closed takes no size.",
        "Closed takes no number of steps.",
        "Closed takes no guidance scale.",
        "Closed made 1 of 3 pictures.",
    )
