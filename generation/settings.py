"""The worker's half of `tessera.toml`, overridden by `TESSERA_…` variables.

Owns `WorkerSettings`: where the line, the artifacts and the models are, what this worker serves, and its timings. The
front reads the same file with its own settings, so sections of others are passed over. Secrets never stand in the
file; see `generation.secrets`. It must not know what a front is told.
"""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from generation.places import Places


class WorkerSettingsError(ValueError):
    """The configuration is wrong; the message names file or variable, and field."""


class OfferedModels(BaseModel):
    """`offer`: catalogue ids this installation offers; `files`: further catalogue files, later ones override."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    offer: tuple[str, ...] = ("noise",)
    files: tuple[Path, ...] = ()


class WorkerTimings(BaseModel):
    """What one worker does and how long it waits, in seconds.

    `pools` None means: those of the offered models this machine can run. `lease_s` is how long a killed worker's job
    stays with it; it must outlast any stall of the event loop. `drain_s` is how long running jobs may take to finish
    after SIGTERM before they are handed back. `max_starts` bounds how often one job may take its worker down.
    `poll_s` is arq's pause between looks at the line: 0.02 costs about 2.5 % of a core and gives a pick-up of about
    14 ms (measured, facts/performance.md §3.3).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,60}$")
    pools: tuple[str, ...] | None = None
    lease_s: float = Field(default=15.0, ge=0.3)
    drain_s: float = Field(default=60.0, ge=0)
    job_timeout_s: float = Field(default=600.0, gt=0)
    announce_s: float = Field(default=30.0, ge=0)
    max_starts: int = Field(default=3, ge=1)
    poll_s: float = Field(default=0.02, ge=0.001, le=1)
    beat_s: float = Field(default=2.0, gt=0)
    check_s: float = Field(default=30.0, gt=0)
    api_jobs: int = Field(default=4, ge=1, le=64)
    resident_models: int = Field(default=1, ge=1)
    device: str | None = None


class ImageChecks(BaseModel):
    """Which detectors look at every picture: a folder or hub id of the safety checker's weights, and OpenAI's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    safety_checker: str | None = None
    openai_moderation: bool = False


class WorkerSettings(BaseSettings):
    """Everything a worker is told. `home` is the installation's one folder; another machine has its own."""

    model_config = SettingsConfigDict(
        env_prefix="TESSERA_", env_nested_delimiter="__", frozen=True, extra="ignore", env_ignore_empty=True
    )

    home: Path = Path(".tessera")
    redis_url: str | None = None
    artifacts_url: str | None = None
    models: OfferedModels = OfferedModels()
    worker: WorkerTimings = WorkerTimings()
    checks: ImageChecks = ImageChecks()

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


def load_worker_settings() -> WorkerSettings:
    """Read file and environment; raises `WorkerSettingsError` with one plain sentence."""
    path = settings_file()
    if path is not None and not path.is_file():
        raise WorkerSettingsError(f"TESSERA_CONFIG names {path}, which is not there")
    try:
        return WorkerSettings()
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        raise WorkerSettingsError(f"{path or 'the environment'}: {field}: {problem['msg']}") from None
    except ValueError as error:  # a TOML file or a variable that cannot be read
        raise WorkerSettingsError(f"{path or 'the environment'}: {error}") from None
