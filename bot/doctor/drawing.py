"""Looks at who draws: the offered models, what each needs, the image checks, and the workers."""

import importlib.util
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from bot.doctor.findings import Finding, blocks, note, ok, problem
from bot.settings import Settings
from generation.catalogue import Catalogue, CatalogueError, ModelEntry, load_entries
from generation.jobs import WorkerInfo
from generation.secrets import SecretError, read_secret

_NEEDS = {"diffusers": ("torch", "diffusers", "transformers"), "openai": ("openai",)}
_EXTRA = "make setup, or: pip install 'tessera[worker]'"


def models(settings: Settings, alive: Sequence[WorkerInfo]) -> Iterator[Finding]:
    """Each offered model: who could draw with it now."""
    try:
        catalogue = Catalogue(load_entries(*settings.models.files), settings.models.offer)
    except (CatalogueError, OSError) as error:
        yield blocks("Models", f"{error}.".replace("..", "."), "Correct the catalogue or models.offer.")
        return
    served = {model for worker in alive for model in worker.models}
    findings = [_model(entry, served) for entry in catalogue.offered]
    yield from findings
    if all(finding.do for finding in findings):
        yield blocks("Models", "None of the offered models can be drawn with.", "Mend one of them, or offer another.")
    yield from _checks(settings, catalogue.offered)


def _model(entry: ModelEntry, served: Collection[str]) -> Finding:
    name = f"{entry.title}, {entry.licence}"
    if entry.id in served:
        return ok("Models", f"{name}: a worker is up for it.")
    lacking = [library for library in _NEEDS[entry.backend] if importlib.util.find_spec(library) is None]
    if lacking:
        return problem(
            "Models", f"{name}: {', '.join(lacking)} is not installed here, and no worker elsewhere is up.", _EXTRA
        )
    if entry.backend == "openai":
        return _closed(entry, name)
    return _open(entry, name)


def _closed(entry: ModelEntry, name: str) -> Finding:
    if _has("OPENAI_API_KEY"):
        return ok("Models", f"{name}: the key is set; prompts go to {entry.prompt_goes_to}.")
    return problem("Models", f"{name}: OPENAI_API_KEY is not set.", "Set it where the worker runs.")


def _open(entry: ModelEntry, name: str) -> Finding:
    if entry.arguments.get("build"):
        return ok("Models", f"{name}: built here when it is first needed.")
    folder = Path(str(entry.arguments.get("folder") or entry.arguments.get("repo") or "")).expanduser()
    if folder.is_dir():
        if (folder / "model_index.json").is_file():
            return ok("Models", f"{name}: its weights are in {folder}.")
        return problem("Models", f"{name}: {folder} is no pipeline folder.", "It needs diffusers' model_index.json.")
    if "repo" not in entry.arguments:
        return problem("Models", f"{name}: {folder} does not exist.", "Put the weights there, or correct the entry.")
    if _in_hub_cache(str(entry.arguments["repo"])):
        return ok("Models", f"{name}: its weights are in the hub's cache.")
    return note("Models", f"{name}: its weights are fetched from the hub when first needed.")


def _in_hub_cache(repo: str) -> bool:
    base = os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or "~/.cache/huggingface") / "hub"
    snapshots = Path(base).expanduser() / f"models--{repo.replace('/', '--')}" / "snapshots"
    return snapshots.is_dir() and any(snapshots.iterdir())


def _checks(settings: Settings, offered: Sequence[ModelEntry]) -> Iterator[Finding]:
    """The image checks: an absent one holds pictures, it never passes them."""
    checks, topic = settings.checks, "Image check"
    depicting = [entry.title for entry in offered if not entry.closed_vocabulary]
    if not checks.safety_checker and not checks.openai_moderation:
        if depicting:
            yield problem(
                topic,
                f"None is set, so every picture of {', '.join(depicting)} will be held back.",
                "Set checks.safety_checker or checks.openai_moderation in tessera.toml.",
            )
        else:
            yield note(topic, "None is set; the models offered can depict nothing, so none is needed.")
        return
    if checks.safety_checker:
        yield _safety_checker(checks.safety_checker)
    if checks.openai_moderation and _has("OPENAI_API_KEY"):
        yield ok(topic, "OpenAI's moderation looks at every picture.")
    elif checks.openai_moderation:
        yield problem(
            topic, "OpenAI's moderation has no key, so every picture will be held back.", "Set OPENAI_API_KEY."
        )


def _safety_checker(source: str) -> Finding:
    folder = Path(source).expanduser()
    if not folder.is_dir():
        if source.startswith(("/", ".", "~")):
            return problem(
                "Image check",
                f"The safety checker's folder {source} does not exist, so every picture will be held back.",
                "Correct checks.safety_checker.",
            )
        return ok("Image check", f"The safety checker {source}, fetched from the hub when first needed.")
    inside = folder / "safety_checker" if (folder / "safety_checker").is_dir() else folder
    if not (inside / "config.json").is_file():
        return problem(
            "Image check",
            f"{inside} is no safety checker (it has no config.json), so every picture will be held back.",
            "Correct checks.safety_checker.",
        )
    return ok("Image check", f"The safety checker in {inside} looks at every picture.")


def workers(alive: Sequence[WorkerInfo]) -> Iterator[Finding]:
    """Who is up, or could be started."""
    for worker in alive:
        on = f", on {worker.device}" if worker.device else ""
        yield ok("Workers", f"{worker.id} is up (pools {', '.join(worker.pools)}{on}).")
    if alive:
        return
    lacking = [library for library in _NEEDS["diffusers"] if importlib.util.find_spec(library) is None]
    if lacking:
        yield blocks("Workers", "None is up, and what a worker needs is not installed here.", _EXTRA)
    else:
        yield note("Workers", "None is up; what one needs is installed here.", "tessera run, or tessera worker")


def _has(name: str) -> bool:
    try:
        return read_secret(name) is not None
    except SecretError:
        return False
