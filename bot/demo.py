"""`tessera demo`: one prompt through the whole chain on this machine, in a folder of its own, and nothing left running.

Owns the demo's folder and configuration, and the order of things. It must not know how the chain works: it starts the
same processes as `tessera run` and asks them as `tessera imagine` does. The operator's own tokens, Redis and
configuration are kept out of it.
"""

import asyncio
import json
import os
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bot.keeper import ChildRefused, Say
from bot.supervise import Household, Plan, open_household
from bot.terminal.display import Display
from bot.terminal.protocol import Wish
from bot.terminal.session import Result, Session, new_id
from bot.wording import operator as wording
from generation.console_log import SECRETS
from generation.places import Places

T = TypeVar("T")

_READY_S = 300.0
_LOOK_S = 0.05
_DRAIN_S = 10.0
_CHAT_SECRETS = tuple(name for name in SECRETS if name.startswith(("DISCORD_", "SLACK_")))
_KEPT = ("TESSERA_DEBUG", "TESSERA_LOG", "TESSERA_CHECKS__")


class DemoFailed(RuntimeError):
    """The chain did not come up; the message says where the logs are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """One demo: its folder, its prompt, and the model to use instead of the starter (a folder or a hub id)."""

    home: Path
    prompt: str
    model: str | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    @property
    def logs(self) -> Path:
        """What the processes write."""
        return self.home / "logs"

    async def run(self, say: Say, display: Display) -> Result:
        """Start everything, ask, wait, stop everything. Raises `DemoFailed` and what `open_household` raises."""
        places = self._prepare()
        say(wording.demo_begins(self.home))
        plan = Plan(
            places=places, own_redis=True, drain_s=_DRAIN_S, environment=self._child_environment(), logs=self.logs
        )
        async with open_household(plan, say) as household:
            await self._until_ready(household)
            say(wording.demo_asks(self.prompt))
            wish = Wish(id=new_id(), prompt=self.prompt)
            return await self._first(household, Session(places.front_socket, display, wish=wish).run())

    def _prepare(self) -> Places:
        """An empty database and this demo's own configuration; what was downloaded or drawn before stays."""
        self.home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        places = Places(self.home).create()
        self.logs.mkdir(mode=0o700, exist_ok=True)
        for old in (
            *(f"{places.database.name}{end}" for end in ("", "-wal", "-shm")),
            "logs/front.log",
            "logs/worker.log",
        ):
            (self.home / old).unlink(missing_ok=True)
        offer = ["starter"]
        entry: dict[str, Any] | None = None
        if self.model:
            entry = guess_entry(self.model)
            offer = [entry["id"]]
        config: dict[str, dict[str, Any]] = {
            "models": {"offer": offer, "files": [str(self._catalogue)] if entry else []},
            "quota": {"daily_images": 1000},
            # A first download counts as part of the job.
            "worker": {"job_timeout_s": 7200.0},
        }
        if entry:
            self._catalogue.write_text(_toml_entry(entry), encoding="utf-8")
            config["checks"] = checks_for(self.model or "", self.environment)
        self._config.write_text(_toml(config), encoding="utf-8")
        return places

    @property
    def _config(self) -> Path:
        return self.home.absolute() / "tessera.toml"

    @property
    def _catalogue(self) -> Path:
        return self.home.absolute() / "models.toml"

    def _child_environment(self) -> dict[str, str]:
        hidden = {name for secret in _CHAT_SECRETS for name in (secret, f"{secret}_FILE")}
        kept = {
            name: value
            for name, value in self.environment.items()
            if name not in hidden and (not name.startswith("TESSERA_") or name.startswith(_KEPT))
        }
        return kept | {"TESSERA_HOME": str(self.home.absolute()), "TESSERA_CONFIG": str(self._config)}

    async def _until_ready(self, household: Household) -> None:
        async def look() -> None:
            while True:
                status = await household.status()
                if status is not None and status["workers"]:
                    return
                await asyncio.sleep(_LOOK_S)

        try:
            async with asyncio.timeout(_READY_S):
                await self._first(household, look())
        except TimeoutError:
            raise DemoFailed(wording.demo_not_up(self.logs, "")) from None

    def _last_words(self, name: str) -> str:
        lines = (self.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else ""

    async def _first(self, household: Household, work: Coroutine[Any, Any, T]) -> T:
        """The work's result, unless a process says meanwhile that it cannot go on."""
        working = asyncio.create_task(work)
        refused = asyncio.create_task(household.refused())
        try:
            await asyncio.wait({working, refused}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return await working
            await refused
            raise AssertionError("a household refuses by raising")
        except ChildRefused as error:
            raise DemoFailed(wording.demo_not_up(self.logs, self._last_words(error.name))) from None
        finally:
            for task in (working, refused):
                task.cancel()
            await asyncio.gather(working, refused, return_exceptions=True)


def guess_entry(source: str) -> dict[str, Any]:
    """A catalogue entry for a pipeline nobody has described: size and steps from its files, else from its name.

    `source` is a folder in diffusers' layout or a hub id. What the guess gets wrong, an entry of one's own sets right.
    """
    folder = Path(source).expanduser()
    is_folder = folder.is_dir()
    name = folder.resolve().name if is_folder else source
    side = (_side_from_files(folder) if is_folder else None) or _side_from_name(name)
    entry: dict[str, Any] = {
        "id": "demo",
        "title": name[:80],
        "maker": name.split("/")[0] if "/" in name else "unknown",
        "backend": "diffusers",
        "arguments": {"folder": str(folder.resolve())} if is_folder else {"repo": source},
        "openness": "open_weight",
        "licence": "see its model card",
        "bot_use": "conditional",
        "bot_use_reason": "Nobody has read its licence yet.",
        "operator_licence": "a try on one's own machine",
        "sizes": [f"{side}x{side}"],
        "checked_at": "2026-11-20",
    }
    if re.search(r"turbo|lightning|lcm|schnell|hyper", name, re.IGNORECASE):
        # Distilled models draw in a few steps and without guidance.
        entry |= {"num_inference_steps": 4, "guidance_scale": 0.0}
    return entry


def _side_from_files(folder: Path) -> int | None:
    """The side in pixels a U-Net was trained for: its sample size times what the decoder enlarges by."""
    unet, vae = _json(folder / "unet" / "config.json"), _json(folder / "vae" / "config.json")
    sample, blocks = unet.get("sample_size"), vae.get("block_out_channels")
    if not isinstance(sample, int) or not isinstance(blocks, list) or not blocks:
        return None
    return int(sample * 2 ** (len(blocks) - 1))


def _side_from_name(name: str) -> int:
    if re.search(r"sdxl-turbo|sd-turbo", name, re.IGNORECASE):
        return 512
    return 1024 if re.search(r"xl|flux|sd3|3\.5|z-image|qwen|sana", name, re.IGNORECASE) else 512


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def checks_for(source: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The image check to use: the one the pipeline brings, unless the operator names one (the environment wins)."""
    folder = Path(source).expanduser()
    own = folder / "safety_checker"
    if own.is_dir() and not environment.get("TESSERA_CHECKS__SAFETY_CHECKER"):
        return {"safety_checker": str(folder.resolve())}
    return {}


def _toml(config: Mapping[str, Mapping[str, Any]]) -> str:
    """TOML of tables with plain values: JSON's strings, numbers, booleans and arrays are TOML's as well."""
    parts = []
    for table, values in config.items():
        parts.append(f"[{table}]")
        parts += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(parts) + "\n"


def _toml_entry(entry: Mapping[str, Any]) -> str:
    flat = {key: value for key, value in entry.items() if key != "arguments"}
    lines = ["[[model]]", *(f"{key} = {json.dumps(value)}" for key, value in flat.items()), "[model.arguments]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in entry["arguments"].items()]
    return "\n".join(lines) + "\n"
