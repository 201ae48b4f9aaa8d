"""`tessera demo`, as a newcomer runs it: real processes, the whole chain, nothing left running."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from PIL import Image

from bot.demo import checks_for, guess_entry
from generation.catalogue import ModelEntry, load_entries
from tests import tiny


def demo(home: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("TESSERA_", "PROMPT"))}
    return subprocess.run(
        [sys.executable, "-m", "bot", "demo", *arguments],
        env=inherited | {"TESSERA_HOME": str(home), "OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def left_running(home: Path) -> list[str]:
    """Processes that have this folder in their environment or arguments."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(home) in " ".join([*process.cmdline(), *process.environ().values()]) and process.pid != os.getpid():
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_one_prompt_goes_through_the_whole_chain(tmp_path: Path) -> None:
    # Somebody's own tokens and Redis are no business of a demo.
    ran = demo(
        tmp_path, "--json", PROMPT="a green boat", DISCORD_TOKEN="not used", TESSERA_REDIS_URL="redis://127.0.0.1:1"
    )

    assert ran.returncode == 0, ran.stderr
    done = json.loads(ran.stdout)
    names = [moment["name"] for moment in done["timeline"]]
    assert [name for name in names if name != "step"] == [
        *("submitted", "queued", "started", "loading", "drawn", "checked", "stored", "delivered")
    ]
    (starter,) = (entry for entry in load_entries() if entry.id == "starter")
    assert names.count("step") == starter.num_inference_steps
    (file,) = done["files"]
    with Image.open(file) as picture:
        assert picture.size == (512, 512)
    assert any("Understood: green, boat." in line for line in done["lines"])
    assert left_running(tmp_path) == []


def test_a_picture_that_no_check_can_look_at_is_held_and_the_demo_says_so(tmp_path: Path) -> None:
    folder = tiny.stable_diffusion(tmp_path / "my-pipeline")

    ran = demo(tmp_path / "home", TESSERA_DEMO_MODEL=str(folder))

    assert ran.returncode == 1
    assert "held back" in ran.stdout
    assert "TESSERA_CHECKS__SAFETY_CHECKER" in ran.stdout
    assert not list((tmp_path / "home").rglob("pictures/*.png"))
    assert left_running(tmp_path) == []


def test_a_demo_that_does_not_come_up_says_where_the_logs_are(tmp_path: Path) -> None:
    ran = demo(tmp_path, TESSERA_CHECKS__OPENAI_MODERATION="perhaps")

    assert ran.returncode == 1
    assert ran.stderr.endswith(f"The logs are in {tmp_path / 'demo' / 'logs'}.\n")
    assert "checks.openai_moderation" in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert left_running(tmp_path) == []


def test_a_folder_is_described_from_its_own_files(tmp_path: Path) -> None:
    folder = tiny.stable_diffusion(tmp_path / "pipeline")

    entry = ModelEntry.model_validate(guess_entry(str(folder)))

    assert entry.dimensions == ((64, 64),)
    assert entry.arguments == {"folder": str(folder)}
    assert entry.may_serve
    assert not entry.closed_vocabulary


@pytest.mark.parametrize(
    ("source", "side", "steps"),
    [
        ("stabilityai/sdxl-turbo", 512, 4),
        ("stabilityai/stable-diffusion-xl-base-1.0", 1024, None),
        ("stable-diffusion-v1-5/stable-diffusion-v1-5", 512, None),
        ("black-forest-labs/FLUX.1-schnell", 1024, 4),
    ],
)
def test_a_hub_id_is_described_from_its_name(source: str, side: int, steps: int | None) -> None:
    entry = ModelEntry.model_validate(guess_entry(source))

    assert entry.dimensions == ((side, side),)
    assert entry.num_inference_steps == steps
    assert entry.arguments == {"repo": source}


def test_a_pipelines_own_checker_is_used_unless_the_operator_names_one(tmp_path: Path) -> None:
    (tmp_path / "safety_checker").mkdir()

    assert checks_for(str(tmp_path), {}) == {"safety_checker": str(tmp_path)}
    assert checks_for(str(tmp_path), {"TESSERA_CHECKS__SAFETY_CHECKER": "other"}) == {}
    assert checks_for("some/hub-id", {}) == {}
