"""Looks at who draws: the offered models, what each needs, the image checks, and the workers."""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from bot.doctor.findings import Finding, Level, blocks, note, ok, problem
from bot.settings import Settings
from bot.wording import doctor as said
from generation.catalogue import Catalogue, CatalogueError, ModelEntry, load_entries
from generation.jobs import WorkerInfo
from generation.makers import MAKERS
from generation.secrets import SecretError, read_secret
from generation.shipped import shipped_model

_CHECK = "Image check"


def models(settings: Settings, alive: Sequence[WorkerInfo]) -> Iterator[Finding]:
    """Each offered model: who could draw with it now."""
    try:
        catalogue = Catalogue(load_entries(*settings.models.files), settings.models.offer)
    except (CatalogueError, OSError) as error:
        yield blocks("Models", said.catalogue_wrong(error))
        return
    served = {model for worker in alive for model in worker.models}
    findings = [_model(entry, served) for entry in catalogue.offered]
    yield from findings
    if all(finding.level is Level.PROBLEM for finding in findings):
        yield blocks("Models", said.nothing_to_draw_with())
    yield from _checks(settings, catalogue.offered)


def _model(entry: ModelEntry, served: Collection[str]) -> Finding:
    name = f"{entry.title}, {entry.licence}"
    if entry.id in served:
        return ok("Models", said.model_served(name))
    maker = MAKERS[entry.backend]
    if maker.lacking:
        return problem("Models", said.model_needs(name, maker.lacking, maker.extra))
    if entry.backend == "diffusers":
        return _open(entry, name)
    if missing := [key for key in maker.keys if not _has(key)]:
        return problem("Models", said.model_without_key(name, " and ".join(missing)))
    told = said.model_keyed if maker.keys else said.model_elsewhere
    return ok("Models", told(name, entry.prompt_goes_to))


def _open(entry: ModelEntry, name: str) -> Finding:
    if "shipped" in entry.arguments:
        return _shipped(str(entry.arguments["shipped"]), name)
    folder = Path(str(entry.arguments.get("folder") or entry.arguments.get("repo") or "")).expanduser()
    if folder.is_dir():
        if (folder / "model_index.json").is_file():
            return ok("Models", said.model_there(name, folder))
        return problem("Models", said.model_no_pipeline(name, folder))
    if "repo" not in entry.arguments:
        return problem("Models", said.model_gone(name, folder))
    if _in_hub_cache(str(entry.arguments["repo"])):
        return ok("Models", said.model_there(name, "the hub's cache"))
    return note("Models", said.model_fetched_later(name))


def _shipped(model: str, name: str) -> Finding:
    folder = shipped_model(model)
    if folder is not None and (folder / "model_index.json").is_file():
        return ok("Models", said.model_shipped(name))
    return problem("Models", said.shipped_model_gone(name, folder or model))


def _in_hub_cache(repo: str) -> bool:
    base = os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or "~/.cache/huggingface") / "hub"
    snapshots = Path(base).expanduser() / f"models--{repo.replace('/', '--')}" / "snapshots"
    return snapshots.is_dir() and any(snapshots.iterdir())


def _checks(settings: Settings, offered: Sequence[ModelEntry]) -> Iterator[Finding]:
    """The image checks: an absent one holds pictures, it never passes them."""
    checks = settings.checks
    depicting = [entry.title for entry in offered if not entry.closed_vocabulary]
    if not checks.safety_checker and not checks.openai_moderation:
        yield problem(_CHECK, said.no_check(depicting)) if depicting else note(_CHECK, said.no_check_needed())
    if checks.safety_checker:
        yield _safety_checker(checks.safety_checker)
    if checks.openai_moderation:
        has_key = _has("OPENAI_API_KEY")
        yield ok(_CHECK, said.openai_check()) if has_key else problem(_CHECK, said.openai_check_without_key())


def _safety_checker(source: str) -> Finding:
    folder = Path(source).expanduser()
    if folder.is_dir():
        inside = folder / "safety_checker" if (folder / "safety_checker").is_dir() else folder
        if (inside / "config.json").is_file():
            return ok(_CHECK, said.check_there(inside))
        return problem(_CHECK, said.check_no_checker(inside))
    if source.startswith(("/", ".", "~")):
        return problem(_CHECK, said.check_gone(source))
    return ok(_CHECK, said.check_fetched_later(source))


def workers(alive: Sequence[WorkerInfo]) -> Iterator[Finding]:
    """Who is up, or could be started."""
    for worker in alive:
        yield ok("Workers", said.worker_up(worker.id, worker.pools, worker.device))
    if not alive:
        lacking = MAKERS["diffusers"].lacking
        yield blocks("Workers", said.no_worker_possible()) if lacking else note("Workers", said.no_worker())


def _has(name: str) -> bool:
    try:
        return read_secret(name) is not None
    except SecretError:
        return False
