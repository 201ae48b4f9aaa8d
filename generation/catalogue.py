"""What can be asked for: the models, as data.

Owns `ModelEntry`, `Catalogue` and the reading of `models.toml` and of an operator's additions, validated with errors
that name file, entry and field. Pure but for reading the files it is given; it must not know how a model is run.
"""

import difflib
import enum
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator


class Openness(enum.StrEnum):
    """How open a model is. Only `open_source` means weights, data and code under an open licence."""

    OPEN_SOURCE = "open_source"
    OPEN_WEIGHT = "open_weight"
    API_ONLY = "api_only"


class BotUse(enum.StrEnum):
    """Whether the licence lets the model serve a community's bot."""

    YES = "yes"
    CONDITIONAL = "conditional"
    NO = "no"


BackendName = Literal[
    "diffusers",
    "openai",
    "google",
    "huggingface",
    "bfl",
    "stability",
    "ideogram",
    "recraft",
    "firefly",
    "comfyui",
    "automatic1111",
    "horde",
]
Size = Annotated[str, Field(pattern=r"^[1-9]\d{1,4}x[1-9]\d{1,4}$")]


class ModelEntry(BaseModel):
    """One model. `sizes` are `WIDTHxHEIGHT` in pixels, the first is the default.

    `arguments` go to the backend as they are (repository and revision, or the provider's model name). `pool` names
    the workers that serve it. `prompt_goes_to` says who sees the prompt: "this machine" or a company.
    `closed_vocabulary`, where set, states why the model cannot depict anything but its own small world; the image
    check then passes with that sentence as its stored reason. `prices` are millionths of a US dollar for one of the
    units that `generation.prices` names, or for a million tokens.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.\-]{0,59}$")
    title: str = Field(min_length=1, max_length=80)
    maker: str = Field(min_length=1)
    backend: BackendName
    arguments: dict[str, str | int | float | bool] = Field(default_factory=dict)
    pool: str = Field(default="", pattern=r"^[a-z0-9\-]{0,30}$")
    openness: Openness
    licence: str = Field(min_length=1)
    bot_use: BotUse
    bot_use_reason: str = ""
    operator_licence: str = ""
    prompt_goes_to: str = "this machine"
    sizes: tuple[Size, ...] = Field(min_length=1)
    num_inference_steps: int | None = Field(default=None, ge=1, le=200)
    guidance_scale: float | None = Field(default=None, ge=0, le=50)
    max_images: int = Field(default=4, ge=1, le=10)
    seeds: bool = True
    closed_vocabulary: str = ""
    typical_seconds: float = Field(default=20.0, gt=0)
    prices: dict[str, int] = Field(default_factory=dict)
    checked_at: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _pool_by_backend(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever the file holds
        if isinstance(data, dict) and not data.get("pool"):
            return data | {"pool": "gpu" if data.get("backend") == "diffusers" else "api"}
        return data

    @property
    def may_serve(self) -> bool:
        """Whether this model may be offered: the licence allows it, or the operator states one that does."""
        return self.bot_use is BotUse.YES or bool(self.operator_licence)

    @property
    def dimensions(self) -> tuple[tuple[int, int], ...]:
        """`sizes` as (width, height) pairs in pixels."""
        return tuple((int(width), int(height)) for width, height in (size.split("x") for size in self.sizes))


class CatalogueError(ValueError):
    """A catalogue file is wrong; the message names file, entry and field."""


class Catalogue:
    """The models of this installation: all known ones, and those offered to members in the operator's order."""

    def __init__(self, entries: Iterable[ModelEntry], offer: Iterable[str]) -> None:
        """Take all entries and the ids to offer, the first of which is the default.

        Raises `CatalogueError` for an offered model that is unknown or may not serve a bot.
        """
        self.entries: Mapping[str, ModelEntry] = {entry.id: entry for entry in entries}
        offered = []
        for model_id in offer:
            entry = self.entries.get(model_id)
            if entry is None:
                raise CatalogueError(f"models.offer names “{model_id}”, which no catalogue entry has")
            if not entry.may_serve:
                raise CatalogueError(
                    f"models.offer names “{model_id}”, whose licence ({entry.licence}) does not let it serve a bot: "
                    f"{entry.bot_use_reason} Set operator_licence in its entry if you have a licence of your own."
                )
            offered.append(entry)
        if not offered:
            raise CatalogueError("models.offer is empty; name at least one model")
        self.offered: tuple[ModelEntry, ...] = tuple(offered)

    @property
    def default(self) -> ModelEntry:
        """The model used when a member names none."""
        return self.offered[0]

    def find(self, asked: str | None) -> ModelEntry | None:
        """The offered model with this id or title, ignoring case and spaces; the default for None or empty."""
        if not asked or not asked.strip():
            return self.default
        wanted = _fold(asked)
        return next((e for e in self.offered if wanted in {_fold(e.id), _fold(e.title)}), None)

    def suggest(self, typed: str, limit: int = 25) -> tuple[ModelEntry, ...]:
        """Offered models for an autocomplete box: those containing what was typed first, then similar ones."""
        wanted = _fold(typed)
        if not wanted:
            return self.offered[:limit]

        def closeness(entry: ModelEntry) -> float:
            names = (_fold(entry.id), _fold(entry.title))
            if any(wanted in name for name in names):
                return 2.0
            return max(difflib.SequenceMatcher(None, wanted, name).ratio() for name in names)

        ranked = sorted(self.offered, key=closeness, reverse=True)
        return tuple(entry for entry in ranked if closeness(entry) > 0.4)[:limit]


def _fold(name: str) -> str:
    return re.sub(r"[\s_]+", "", name).casefold()


def load_entries(*extra: Path) -> tuple[ModelEntry, ...]:
    """Read the project's `models.toml` and then each file's `[[model]]` tables, later ones overriding earlier ones.

    Raises `CatalogueError` naming file, entry and field.
    """
    text = resources.files("generation").joinpath("models.toml").read_text(encoding="utf-8")
    tables: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, content in [("models.toml", text), *((str(p), p.read_text(encoding="utf-8")) for p in extra)]:
        for table in _tables(name, content):
            model_id = str(table.get("id", ""))
            tables[model_id] = (name, tables.get(model_id, (name, {}))[1] | table)
    return tuple(_entry(name, table) for name, table in tables.values())


def _tables(name: str, content: str) -> list[dict[str, Any]]:
    try:
        tables = tomllib.loads(content).get("model", [])
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{name}: {error}") from error
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise CatalogueError(f"{name}: models are written as [[model]] tables")
    return tables


def _entry(name: str, table: dict[str, Any]) -> ModelEntry:
    try:
        return ModelEntry.model_validate(table)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'entry'}: {e['msg']}" for e in error.errors())
        raise CatalogueError(f"{name}, model “{table.get('id', '?')}”: {problems}") from error
