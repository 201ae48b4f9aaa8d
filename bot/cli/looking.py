"""Commands that look and report: `doctor` and `models`."""

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from bot.cli.output import as_json, emit
from bot.cli.process import FAILED, OK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.doctor.findings import Finding
    from generation.catalogue import ModelEntry


@click.command()
@as_json
def doctor_(*, json_: bool) -> int:
    """What is configured, what is missing, and what to do. Exit code 1 when something blocks.

    Discord and Slack are asked whether they accept the tokens; no token is shown.
    """
    from bot.doctor.examine import examine
    from bot.doctor.findings import Level

    findings = asyncio.run(examine())
    blocked = any(finding.level is Level.BLOCKS for finding in findings)
    if json_:
        emit({"ok": not blocked, "findings": [asdict(finding) for finding in findings]}, [], json_=True)
    else:
        _show(findings)
    return FAILED if blocked else OK


def _show(findings: "Sequence[Finding]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bot.wording.doctor import sums_up

    styles = {"ok": "green", "note": "cyan", "problem": "yellow", "blocks": "bold red"}
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    topic = ""
    for finding in findings:
        what = Text(finding.what)
        if finding.do:
            what.append(f"\n→ {finding.do}", style="dim")
        level = Text(finding.level, style=styles[finding.level])
        table.add_row(level, finding.topic if finding.topic != topic else "", what)
        topic = finding.topic
    console = Console(highlight=False)
    console.print(table)
    console.print(f"\n{sums_up([finding.level for finding in findings])}")


@click.command()
@as_json
def models_(*, json_: bool) -> int:
    """The catalogue: each model, whether it is offered and why not, its licence, and who sees the prompt."""
    from bot.settings import load_settings
    from bot.wording import operator as wording
    from generation.catalogue import Catalogue, load_absent, load_entries

    settings = load_settings()
    catalogue = Catalogue(load_entries(*settings.models.files), settings.models.offer)
    offered = {entry.id for entry in catalogue.offered}
    rest = [entry for entry in catalogue.entries.values() if entry.id not in offered]
    rows = [_model(entry, is_offered=True) for entry in catalogue.offered]
    rows += [_model(entry, is_offered=False) for entry in rest]
    lines = [line for row in rows for line in wording.model(row, is_default=row["id"] == catalogue.default.id)]
    absent = load_absent(*settings.models.files)
    lines += [line for each in absent for line in wording.absent(each.title, each.why, each.instead)]
    emit({"models": rows, "absent": [each.model_dump() for each in absent]}, lines, json_=json_)
    return OK


def _model(entry: "ModelEntry", *, is_offered: bool) -> dict[str, Any]:
    why_not = ""
    if not is_offered:
        why_not = (
            "not named in models.offer"
            if entry.may_serve
            else f"its licence does not let it serve a bot. {entry.bot_use_reason}"
        )
    return {
        "id": entry.id,
        "title": entry.title,
        "maker": entry.maker,
        "offered": is_offered,
        "why_not": why_not.strip(),
        "openness": entry.openness.value,
        "licence": entry.licence,
        "source": entry.source,
        "bot_use": entry.bot_use.value,
        "bot_use_reason": entry.bot_use_reason,
        "commercial_use": entry.commercial_use.value,
        "tasks": [task.value for task in entry.tasks],
        "price_per_image": entry.price(1),
        "typical_seconds": entry.typical_seconds,
        "shutdown_on": entry.shutdown_on.isoformat() if entry.shutdown_on else None,
        "prompt_goes_to": entry.prompt_goes_to,
        "pool": entry.pool,
        "sizes": list(entry.sizes),
        "most_at_once": entry.max_images,
        "checked_at": entry.checked_at,
    }
