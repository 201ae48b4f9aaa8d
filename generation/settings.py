"""The worker's half of the configuration: its section of `tessera.toml` and its `TESSERA_…` variables.

Owns `WorkerSettings` and `load_worker_settings`. What it shares with the front, and how files and variables are found,
is `generation.installation`'s; secrets are `generation.secrets`'s. It must not know what a front is told.
"""

from pydantic import Field

from generation.installation import InstallationSettings, Section, SettingsError, load

__all__ = ["SettingsError", "WorkerSettings", "WorkerTimings", "load_worker_settings"]


class WorkerTimings(Section):
    """What one worker does and how long it waits, in seconds.

    `pools` None means: those of the offered models this machine can run. `lease_s` is how long a killed worker's job
    stays with it; it must outlast any stall of the event loop. `drain_s` is how long running jobs may take to finish
    after SIGTERM before they are handed back. `max_starts` bounds how often one job may take its worker down.
    `poll_s` is arq's pause between looks at the line: on two cores an idle worker that looks every 0.02 s takes
    3.5 % of one, every 0.01 s 6.6 % (measured 2026-11-21); a job waits for half the pause on average.
    """

    id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,60}$")
    pools: tuple[str, ...] | None = None
    lease_s: float = Field(default=15.0, ge=0.3)
    drain_s: float = Field(default=60.0, ge=0)
    job_timeout_s: float = Field(default=600.0, gt=0)
    announce_s: float = Field(default=30.0, ge=0)
    max_starts: int = Field(default=3, ge=1)
    poll_s: float = Field(default=0.015, ge=0.001, le=1)
    beat_s: float = Field(default=2.0, gt=0)
    check_s: float = Field(default=30.0, gt=0)
    api_jobs: int = Field(default=4, ge=1, le=64)
    resident_models: int = Field(default=1, ge=1)
    device: str | None = None


class WorkerSettings(InstallationSettings):
    """Everything a worker is told. `home` is the installation's one folder; another machine has its own."""

    worker: WorkerTimings = WorkerTimings()


def load_worker_settings() -> WorkerSettings:
    """Read file and environment; raises `SettingsError` with one plain sentence."""
    return load(WorkerSettings)
