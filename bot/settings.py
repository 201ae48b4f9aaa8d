"""The front's configuration: `tessera.toml`, overridden by `TESSERA_…` variables; secrets only from the environment.

Owns `Settings` and how it is loaded. Nothing reads the environment but this, `generation.settings` (the worker's half
of the same file) and `generation.secrets`. Settings are built once, in a process's main function, and passed down.
"""

import os
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from generation.places import Places


class SettingsError(ValueError):
    """The configuration is wrong; the message names file or variable, and field, in plain words."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"“{name}” is no time zone; one is written like Europe/Rome") from None
    return name


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ModelSettings(_Section):
    """`offer`: catalogue ids in the order members see them, the first is the default; `files`: further catalogues."""

    offer: tuple[str, ...] = ("noise",)
    files: tuple[Path, ...] = ()


class QuotaSettings(_Section):
    """Pictures a day for a member nothing else is said about, and whose midnight ends the day."""

    daily_images: int = Field(default=40, ge=0, le=10_000)
    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"


class LimitSettings(_Section):
    """Bounds of one request and of one member's requests under way; how long a held picture waits for a moderator."""

    prompt_characters: int = Field(default=2000, ge=1, le=32_000)
    under_way: int = Field(default=5, ge=1, le=100)
    held_hours: int = Field(default=24, ge=1, le=720)
    unserved_hours: int = Field(default=24, ge=1, le=720)
    attempts: int = Field(default=3, ge=1, le=10)


class TimingSettings(_Section):
    """How often the front looks after what may have been lost, in seconds; tests and impatient operators lower them."""

    sweep_s: float = Field(default=2.0, gt=0)
    lost_after_s: float = Field(default=8.0, gt=0)
    retry_s: float = Field(default=5.0, gt=0)


class DiscordSettings(_Section):
    """`api_url` stands in for Discord's own; `guild_ids` limits the commands to these servers."""

    api_url: str | None = None
    guild_ids: tuple[int, ...] = ()


class SlackSettings(_Section):
    """`api_url` stands in for Slack's own; `http_port` turns HTTP mode on; `moderator_ids` join the admins."""

    api_url: str | None = None
    http_host: str = "127.0.0.1"
    http_port: int | None = Field(default=None, ge=1, le=65_535)
    moderator_ids: tuple[str, ...] = ()


class CheckSettings(_Section):
    """Which image checks look at every picture; the worker runs them, the doctor reports them."""

    safety_checker: str | None = None
    openai_moderation: bool = False


class Settings(BaseSettings):
    """Everything the front is told. `home` is the one folder for database, artifacts and Redis data."""

    model_config = SettingsConfigDict(
        env_prefix="TESSERA_", env_nested_delimiter="__", frozen=True, extra="ignore", env_ignore_empty=True
    )

    home: Path = Path(".tessera")
    redis_url: str | None = None
    artifacts_url: str | None = None
    models: ModelSettings = ModelSettings()
    quota: QuotaSettings = QuotaSettings()
    limits: LimitSettings = LimitSettings()
    timing: TimingSettings = TimingSettings()
    discord: DiscordSettings = DiscordSettings()
    slack: SlackSettings = SlackSettings()
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


def load_settings() -> Settings:
    """Read file and environment; raises `SettingsError` with one plain sentence."""
    path = settings_file()
    if path is not None and not path.is_file():
        raise SettingsError(f"TESSERA_CONFIG names {path}, which is not there")
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        raise SettingsError(f"{path or 'the environment'}: {field}: {problem['msg']}") from None
    except ValueError as error:  # a TOML file that cannot be read
        raise SettingsError(f"{path}: {error}") from None
