"""What front and workers of one installation agree on: home folder, Redis, artifact store, models, checks.

Owns the settings both halves read, where `tessera.toml` is found, and how an error in it is told. Each half adds its
own in a subclass (`bot.settings`, `generation.settings`) and passes over the other's sections. Settings are built once,
in a process's main function, and passed down; secrets are never among them.
"""

import os
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from generation.places import Places

S = TypeVar("S", bound="InstallationSettings")

_NO_SUCH = "there is no such setting"


class SettingsError(ValueError):
    """The configuration is wrong; the message names file or variable, and field, in plain words."""


class Section(BaseModel):
    """A table of `tessera.toml`. An unknown key in it is an error: it is more likely misspelt than meant for others."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSettings(Section):
    """`offer`: catalogue ids in the order members see them, the first is the default; `files`: further catalogues."""

    offer: tuple[str, ...] = ("starter",)
    files: tuple[Path, ...] = ()


class CheckSettings(Section):
    """Which detectors look at every picture: a folder or hub id of the safety checker's weights, and OpenAI's."""

    safety_checker: str | None = None
    openai_moderation: bool = False


class InstallationSettings(BaseSettings):
    """What both halves are told. `home` is the one folder of this machine's half of the installation."""

    model_config = SettingsConfigDict(
        env_prefix="TESSERA_", env_nested_delimiter="__", frozen=True, extra="ignore", env_ignore_empty=True
    )

    home: Path = Path(".tessera")
    redis_url: str | None = None
    artifacts_url: str | None = None
    models: ModelSettings = ModelSettings()
    checks: CheckSettings = CheckSettings()

    @property
    def places(self) -> Places:
        """Where things lie under `home`."""
        return Places(self.home)

    @property
    def line_url(self) -> str:
        """The Redis to use: the operator's, or the bundled one's socket."""
        return self.redis_url or self.places.redis_url

    @property
    def store_url(self) -> str:
        """The artifact store to use."""
        return self.artifacts_url or self.places.artifacts_url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code beats the environment, which beats the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file())


def settings_file() -> Path | None:
    """The `tessera.toml` in force: `TESSERA_CONFIG`, else the current folder's, else the home folder's, else none."""
    named = os.environ.get("TESSERA_CONFIG")
    if named:
        return Path(named)
    home = Path(os.environ.get("TESSERA_HOME") or ".tessera")
    return next((path for path in (Path("tessera.toml"), home / "tessera.toml") if path.is_file()), None)


def load(kind: type[S]) -> S:
    """Read file and environment into `kind`; raises `SettingsError` with one plain sentence."""
    path = settings_file()
    if path is not None and not path.is_file():
        raise SettingsError(f"TESSERA_CONFIG names {path}, which is not there")
    try:
        return kind()
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        wrong = _NO_SUCH if problem["type"] == "extra_forbidden" else problem["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{path or 'the environment'}: {field}: {wrong}") from None
    except ValueError as error:  # a TOML file or a variable that cannot be read
        raise SettingsError(f"{path or 'the environment'}: {error}") from None
