"""What can be asked for: the models, as data, and the names that people know and nobody can serve.

Owns `ModelEntry`, `Absent`, `Catalogue` and the reading of `models.toml` and of an operator's additions, validated with
errors that name file, entry and field. Pure but for reading the files it is given; it must not know how a model is run.
"""

import datetime as dt
import difflib
import enum
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from generation.prices import UNITS
from generation.request import Task

HERE = "this machine"
"""What `prompt_goes_to` says of a model whose prompts stay in the house."""


class Openness(enum.StrEnum):
    """How open a model is. Only `open_source` means weights, data and code under an open licence."""

    OPEN_SOURCE = "open_source"
    OPEN_WEIGHT = "open_weight"
    API_ONLY = "api_only"


class Permission(enum.StrEnum):
    """Whether a licence allows something: yes, no, or only to whom its conditions fit."""

    YES = "yes"
    CONDITIONAL = "conditional"
    NO = "no"


class Lettering(enum.StrEnum):
    """How well a model writes words that are to be read in the picture."""

    WEAK = "weak"
    FAIR = "fair"
    STRONG = "strong"


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
    """One model.

    How it is made: `arguments` go to the backend as they are (repository and revision, or the provider's model name),
    `pool` names the workers that serve it, `memory_gib` is what it needs of a GPU.

    What it can do: `sizes` are `WIDTHxHEIGHT` in pixels, the first is the default; `references` counts the pictures it
    takes beside a prompt; `seeds` says whether the same seed gives the same picture again. `closed_vocabulary`, where
    set, states why it cannot depict anything but its own small world; the image check then passes with that sentence
    as its stored reason.

    What is known of it: `prompt_goes_to` says who sees the prompt, `HERE` or a company, and `retention` for how long.
    `prices` are millionths of a US dollar for one of the units of `generation.prices`, or for a million tokens;
    `price_per_image` is what one picture of the default size is expected to cost, for the quote. From `shutdown_on` on
    its provider serves it no more, and `successor` is who does. `checked_at` dates all of that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.\-]{0,59}$")
    title: str = Field(min_length=1, max_length=80)
    maker: str = Field(min_length=1)
    family: str = ""
    backend: BackendName
    arguments: dict[str, str | int | float | bool] = Field(default_factory=dict)
    pool: str = Field(default="", pattern=r"^[a-z0-9\-]{0,30}$")
    memory_gib: float | None = Field(default=None, gt=0)

    tasks: tuple[Task, ...] = Field(default=(Task.TEXT_TO_IMAGE,), min_length=1)
    sizes: tuple[Size, ...] = Field(min_length=1)
    num_inference_steps: int | None = Field(default=None, ge=1, le=200)
    guidance_scale: float | None = Field(default=None, ge=0, le=50)
    max_images: int = Field(default=4, ge=1, le=10)
    seeds: bool = True
    negative_prompt: bool = False
    lettering: Lettering = Lettering.WEAK
    references: int = Field(default=0, ge=0, le=20)
    lora: bool = False
    controlnet: bool = False
    closed_vocabulary: str = ""

    openness: Openness
    licence: str = Field(min_length=1)
    bot_use: Permission
    bot_use_reason: str = ""
    commercial_use: Permission = Permission.CONDITIONAL
    operator_licence: str = ""
    prompt_goes_to: str = Field(default=HERE, min_length=1)
    retention: str = ""
    typical_seconds: float = Field(default=20.0, gt=0)
    prices: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    price_per_image: int | None = Field(default=None, ge=0)
    shutdown_on: dt.date | None = None
    successor: str = ""
    checked_at: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _pool_by_backend(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever the file holds
        if isinstance(data, dict) and not data.get("pool"):
            return data | {"pool": "gpu" if data.get("backend") == "diffusers" else "api"}
        return data

    @field_validator("prices")
    @classmethod
    def _known_units(cls, prices: dict[str, int]) -> dict[str, int]:
        if unknown := sorted(set(prices) - UNITS):
            raise ValueError(f"no such unit: {', '.join(unknown)}; there are {', '.join(sorted(UNITS))}")
        return prices

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        """Say what contradicts itself; a licence that is not plainly a yes must say why."""
        if self.bot_use is not Permission.YES and not self.bot_use_reason:
            raise ValueError("bot_use_reason: a licence that does not simply allow a bot must say why")
        if self.openness is Openness.API_ONLY and self.prompt_goes_to == HERE:
            raise ValueError("prompt_goes_to: a model behind an API sees the prompt on somebody's machine; say whose")
        if self.backend == "diffusers" and self.prompt_goes_to != HERE:
            raise ValueError(f"prompt_goes_to: a local pipeline sends the prompt nowhere; it is “{HERE}”")
        return self

    @property
    def may_serve(self) -> bool:
        """Whether this model may be offered: the licence allows it, or the operator states one that does."""
        return self.bot_use is Permission.YES or bool(self.operator_licence)

    @property
    def stays_here(self) -> bool:
        """Whether nobody but this installation sees the prompt."""
        return self.prompt_goes_to == HERE

    @property
    def dimensions(self) -> tuple[tuple[int, int], ...]:
        """`sizes` as (width, height) pairs in pixels."""
        return tuple((int(width), int(height)) for width, height in (size.split("x") for size in self.sizes))

    def price(self, pictures: int) -> int | None:
        """What so many pictures are expected to cost, in millionths of a US dollar: 0 here, None if nobody knows."""
        if self.price_per_image is not None:
            return self.price_per_image * pictures
        return 0 if self.stays_here else None

    def is_gone(self, today: dt.date) -> bool:
        """Whether its provider has shut it down."""
        return self.shutdown_on is not None and self.shutdown_on <= today


class Absent(BaseModel):
    """A name that people ask for and nobody can serve: why not, and, as an entry's id, what instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = Field(min_length=1)
    title: str = Field(min_length=1)
    why: str = Field(min_length=1)
    instead: str = ""
    checked_at: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    source: str = ""


class CatalogueError(ValueError):
    """A catalogue file is wrong; the message names file, entry and field."""


class Catalogue:
    """The models of this installation: all known ones, and those offered to members in the operator's order."""

    def __init__(self, entries: Iterable[ModelEntry], offer: Iterable[str], absent: Iterable[Absent] = ()) -> None:
        """Take all entries, the ids to offer, the first of which is the default, and the names nobody can serve.

        Raises `CatalogueError` for an offered model that is unknown or may not serve a bot.
        """
        self.entries: Mapping[str, ModelEntry] = {entry.id: entry for entry in entries}
        self.absent = tuple(absent)
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
        return _named(asked, self.offered)

    def known(self, asked: str) -> ModelEntry | None:
        """The model with this id or title, offered or not."""
        return _named(asked, self.entries.values())

    def absence(self, asked: str) -> Absent | None:
        """Why nobody can serve what is called so, if that is so: “midjourney v7” is Midjourney too."""
        wanted = _fold(asked)
        return next((each for each in self.absent for name in each.names if wanted.startswith(_fold(name))), None)

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


def _named(asked: str, among: Iterable[ModelEntry]) -> ModelEntry | None:
    wanted = _fold(asked)
    return next((entry for entry in among if wanted in {_fold(entry.id), _fold(entry.title)}), None)


def _fold(name: str) -> str:
    return re.sub(r"[\s_]+", "", name).casefold()


def load_entries(*extra: Path) -> tuple[ModelEntry, ...]:
    """Read the project's `models.toml` and then each file's `[[model]]` tables, later ones overriding earlier ones.

    Raises `CatalogueError` naming file, entry and field.
    """
    tables: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, content in _files(extra):
        for table in _tables(name, content, "model"):
            model_id = str(table.get("id", ""))
            tables[model_id] = (name, tables.get(model_id, (name, {}))[1] | table)
    return tuple(_checked(ModelEntry, name, table) for name, table in tables.values())


def load_absent(*extra: Path) -> tuple[Absent, ...]:
    """Read the `[[absent]]` tables of the same files, an operator's before the project's.

    Raises `CatalogueError` naming file, entry and field.
    """
    tables = [(name, table) for name, content in _files(extra) for table in _tables(name, content, "absent")]
    return tuple(_checked(Absent, name, table) for name, table in reversed(tables))


def _files(extra: Iterable[Path]) -> list[tuple[str, str]]:
    own = resources.files("generation").joinpath("models.toml").read_text(encoding="utf-8")
    return [("models.toml", own), *((str(path), path.read_text(encoding="utf-8")) for path in extra)]


def _tables(name: str, content: str, kind: str) -> list[dict[str, Any]]:
    try:
        tables = tomllib.loads(content).get(kind, [])
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{name}: {error}") from error
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise CatalogueError(f"{name}: a {kind} is written as a [[{kind}]] table")
    return tables


T = TypeVar("T", bound=BaseModel)


def _checked(kind: type[T], name: str, table: dict[str, Any]) -> T:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        problems = "; ".join(": ".join(_problem(each)) for each in error.errors())
        entry = table.get("id") or table.get("title") or "?"
        raise CatalogueError(f"{name}, model “{entry}”: {problems}") from error


def _problem(error: Any) -> list[str]:  # noqa: ANN401 - pydantic's own type is private to its core
    """Field and sentence of one mistake; those of the entry as a whole name the field in their sentence."""
    where = ".".join(map(str, error["loc"]))
    return [each for each in (where, error["msg"].removeprefix("Value error, ")) if each]
