"""The front's configuration: its sections of `tessera.toml` and its `TESSERA_…` variables.

Owns `Settings` and `load_settings`. What it shares with the workers, and how files and variables are found, is
`generation.installation`'s; secrets are `generation.secrets`'s.
"""

from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from generation.installation import InstallationSettings, Section, SettingsError, load, settings_file
from generation.routing import Prefer

__all__ = ["Settings", "SettingsError", "load_settings", "settings_file"]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"“{name}” is no time zone; one is written like Europe/Rome") from None
    return name


class QuotaSettings(Section):
    """Pictures a day for a member nothing else is said about, and whose midnight ends the day."""

    daily_images: int = Field(default=40, ge=0, le=10_000)
    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"


class LimitSettings(Section):
    """Bounds of one request and of one member's requests under way; how long a held picture waits for a moderator."""

    prompt_characters: int = Field(default=2000, ge=1, le=32_000)
    under_way: int = Field(default=5, ge=1, le=100)
    held_hours: int = Field(default=24, ge=1, le=720)
    unserved_hours: int = Field(default=24, ge=1, le=720)
    attempts: int = Field(default=3, ge=1, le=10)


class RoutingSettings(Section):
    """Which of the offered models may make a picture, and what decides between those that may.

    `highest_price_usd` bounds one request. A request that named no model, or whose model fails, goes by itself only
    where nobody new gets to see the prompt and it costs no more than with the default, or with the model that failed;
    `others_may_see` and `may_cost_more` are standing consents to more than that.
    """

    local_only: bool = False
    open_weights_only: bool = False
    commercial_only: bool = False
    highest_price_usd: Decimal | None = Field(default=None, ge=0, decimal_places=6)
    prefer: Prefer = Prefer.ORDER
    others_may_see: bool = False
    may_cost_more: bool = False


class TimingSettings(Section):
    """In seconds: how often the front looks for what was lost, when it counts as lost, the first pause of a retry."""

    sweep_s: float = Field(default=2.0, gt=0)
    lost_after_s: float = Field(default=8.0, gt=0)
    retry_s: float = Field(default=5.0, gt=0)


class DiscordSettings(Section):
    """`api_url` stands in for Discord's own; `guild_ids` limits the commands to these servers."""

    api_url: str | None = None
    guild_ids: tuple[int, ...] = ()


class SlackSettings(Section):
    """`api_url` stands in for Slack's own; `http_port` turns HTTP mode on; `moderator_ids` join the admins."""

    api_url: str | None = None
    http_host: str = "127.0.0.1"
    http_port: int | None = Field(default=None, ge=1, le=65_535)
    moderator_ids: tuple[str, ...] = ()


class Settings(InstallationSettings):
    """Everything the front is told."""

    quota: QuotaSettings = QuotaSettings()
    limits: LimitSettings = LimitSettings()
    routing: RoutingSettings = RoutingSettings()
    timing: TimingSettings = TimingSettings()
    discord: DiscordSettings = DiscordSettings()
    slack: SlackSettings = SlackSettings()


def load_settings() -> Settings:
    """Read file and environment; raises `SettingsError` with one plain sentence."""
    return load(Settings)
