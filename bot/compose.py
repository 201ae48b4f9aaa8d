"""The composition root: settings in, a wired front out. The only place that names concrete classes.

Owns the wiring and nothing else: no loop, no sentence, no rule. Chat SDKs are imported only for platforms that have
tokens, so that a front without Slack never loads Slack's.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from bot.delivery import Delivery, Terms
from bot.desk import ModeratorsDesk
from bot.messenger import Messenger
from bot.progress import Board
from bot.services import Adapter, Services
from bot.settings import Settings
from bot.terminal.adapter import TerminalAdapter
from generation import journal
from generation.artifacts import ArtifactStore
from generation.cancel import Canceller
from generation.catalogue import Catalogue, load_absent, load_entries
from generation.database import Database, open_sqlite
from generation.failover import Consent
from generation.jobs import LINE_ERRORS, FrontLine, connect
from generation.journal import State
from generation.ledger import Ledger
from generation.outbox import Relay
from generation.outcomes import Intake, RetryRule
from generation.request import Platform
from generation.router import Router, RouteRules
from generation.routing import RoutePolicy
from generation.secrets import read_secret
from generation.submit import Limits, Submitter
from generation.sweeper import Patience, Sweeper
from migrations import pending
from moderation.rule_store import RuleStore


class NotMigrated(RuntimeError):
    """The database is older than the program; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A wired front: its adapters, and the loops that must run beside them."""

    adapters: tuple[Adapter, ...]
    loops: tuple[tuple[str, Callable[[], Awaitable[None]]], ...]


def clock() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def load_catalogue(settings: Settings) -> Catalogue:
    """The catalogue as configured; raises `generation.catalogue.CatalogueError`."""
    files = settings.models.files
    return Catalogue(load_entries(*files), settings.models.offer, load_absent(*files))


@contextlib.contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The migrated SQLite file; raises `NotMigrated`."""
    path = settings.places.database
    if not path.exists():
        raise NotMigrated("There is no database yet. Run: tessera migrate")
    db = open_sqlite(path)
    missing = pending(db)
    db.close()
    if missing:
        raise NotMigrated(f"The database lacks {len(missing)} migrations. Run: tessera migrate")
    database = Database(path)
    try:
        yield database
    finally:
        database.close()


@contextlib.asynccontextmanager
async def open_front(settings: Settings) -> AsyncIterator[Front]:
    """Wire everything up and close it again. Raises `NotMigrated`, `CatalogueError`, `SecretError`, sqlite3.Error."""
    settings.places.create()
    catalogue = load_catalogue(settings)
    async with contextlib.AsyncExitStack() as stack:
        database = stack.enter_context(open_database(settings))
        line = FrontLine(connect(settings.line_url))
        stack.push_async_callback(line.aclose)
        yield _wire(
            _Parts(
                settings=settings,
                catalogue=catalogue,
                database=database,
                line=line,
                store=ArtifactStore(settings.store_url),
                ledger=_ledger(settings),
                rules=RuleStore(),
                router=Router(catalogue, _route_rules(settings), clock),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What most rooms need."""

    settings: Settings
    catalogue: Catalogue
    database: Database
    line: FrontLine
    store: ArtifactStore
    ledger: Ledger
    rules: RuleStore
    router: Router


def _wire(parts: _Parts) -> Front:
    # The adapters need the services, and those who tell members need the adapters' messengers: the mapping is handed
    # out first and filled last.
    messengers: dict[Platform, Messenger] = {}
    board = Board(database=parts.database, line=parts.line, catalogue=parts.catalogue, messengers=messengers, now=clock)
    relay = Relay(parts.database, parts.line, clock)
    delivery = _delivery(parts, messengers, board)
    intake, sweeper = _recovery(parts, relay, delivery)
    adapters = tuple(_adapters(parts, _services(parts, board, relay, delivery)))
    messengers.update({adapter.platform: adapter.messenger for adapter in adapters})
    loops = (
        ("outbox", relay.run),
        ("outcomes", intake.run),
        ("sweeper", sweeper.run),
        ("delivery", delivery.run),
        ("progress", board.run),
    )
    return Front(adapters=adapters, loops=loops)


def _delivery(parts: _Parts, messengers: Mapping[Platform, Messenger], board: Board) -> Delivery:
    limits = parts.settings.limits
    return Delivery(
        database=parts.database,
        store=parts.store,
        catalogue=parts.catalogue,
        ledger=parts.ledger,
        messengers=messengers,
        terms=Terms(hold_ms=limits.held_hours * 3_600_000, give_up_ms=limits.unserved_hours * 3_600_000),
        hush=board.hush,
        now=clock,
    )


def _recovery(parts: _Parts, relay: Relay, delivery: Delivery) -> tuple[Intake, Sweeper]:
    limits, timing = parts.settings.limits, parts.settings.timing
    intake = Intake(
        database=parts.database,
        store=parts.store,
        line=parts.line,
        retry=RetryRule(limits.attempts, timing.retry_s),
        router=parts.router,
        now=clock,
        wake_relay=relay.wake,
        wake_delivery=delivery.wake,
    )
    sweeper = Sweeper(
        database=parts.database,
        line=parts.line,
        intake=intake,
        patience=Patience(timing.sweep_s, timing.lost_after_s, limits.unserved_hours * 3600),
        now=clock,
        wake_relay=relay.wake,
        wake_delivery=delivery.wake,
    )
    return intake, sweeper


def _services(parts: _Parts, board: Board, relay: Relay, delivery: Delivery) -> Services:
    database, limits = parts.database, parts.settings.limits
    submitter = Submitter(
        database=database,
        catalogue=parts.catalogue,
        router=parts.router,
        ledger=parts.ledger,
        rules=parts.rules,
        limits=Limits(longest_prompt=limits.prompt_characters, under_way=limits.under_way),
        now=clock,
        wake_relay=relay.wake,
    )
    canceller = Canceller(database=database, line=parts.line, now=clock, wake_delivery=delivery.wake)
    return Services(
        catalogue=parts.catalogue,
        desk=ModeratorsDesk(database=database, ledger=parts.ledger, rules=parts.rules, now=clock),
        submit=submitter.submit,
        waiting_line=board.first_line,
        cancel=canceller.cancel,
        attach=lambda request_id, message_id: database.write(lambda db: journal.attach(db, request_id, message_id)),
        now=clock,
        zone=parts.ledger.zone,
    )


def _route_rules(settings: Settings) -> RouteRules:
    rules = settings.routing
    price = rules.highest_price_usd
    policy = RoutePolicy(
        local_only=rules.local_only,
        open_weights_only=rules.open_weights_only,
        commercial_only=rules.commercial_only,
        highest_price=None if price is None else int(price * 1_000_000),
        prefer=rules.prefer,
    )
    consent = Consent(others_may_see=rules.others_may_see, dearer=rules.may_cost_more)
    return RouteRules(policy=policy, consent=consent)


def _ledger(settings: Settings) -> Ledger:
    return Ledger(ZoneInfo(settings.quota.timezone), settings.quota.daily_images)


def _adapters(parts: _Parts, services: Services) -> list[Adapter]:
    settings, database = parts.settings, parts.database
    adapters: list[Adapter] = []
    if token := read_secret("DISCORD_TOKEN"):
        from bot.discord.adapter import DiscordAdapter

        options = settings.discord
        adapters.append(
            DiscordAdapter(token=token, api_url=options.api_url, services=services, guild_ids=options.guild_ids)
        )
    if token := read_secret("SLACK_BOT_TOKEN"):
        from bot.slack.adapter import SlackAdapter

        adapters.append(
            SlackAdapter(
                bot_token=token,
                app_token=read_secret("SLACK_APP_TOKEN"),
                signing_secret=read_secret("SLACK_SIGNING_SECRET"),
                api_url=settings.slack.api_url,
                http_host=settings.slack.http_host,
                http_port=settings.slack.http_port,
                services=services,
                moderator_ids=settings.slack.moderator_ids,
            )
        )

    async def status() -> dict[str, Any]:
        return await _status(adapters, parts)

    adapters.append(
        TerminalAdapter(
            socket=settings.places.front_socket,
            pictures=settings.places.pictures,
            services=services,
            status=status,
            timeline=lambda request_id: database.read(lambda db: journal.timeline(db, request_id)),
        )
    )
    return adapters


async def _status(adapters: list[Adapter], parts: _Parts) -> dict[str, Any]:
    """What `tessera status` shows: adapters, models, requests by state, and workers (None while Redis is away)."""
    states = (State.QUEUED, State.TELLING, State.HELD)
    counts = await parts.database.read(lambda db: {state.value: len(journal.in_state(db, state)) for state in states})
    try:
        workers = [
            {"id": w.id, "host": w.host, "pools": w.pools, "device": w.device, "running": len(w.running)}
            for w in await parts.line.workers()
        ]
    except LINE_ERRORS:
        workers = None
    return {
        "adapters": {adapter.platform.value: adapter.ready.is_set() for adapter in adapters},
        "models": [{"id": entry.id, "title": entry.title} for entry in parts.catalogue.offered],
        "requests": counts,
        "workers": workers,
    }


@contextlib.asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[ModeratorsDesk]:
    """The moderators' desk over the file itself, for an operator at the command line. Raises `NotMigrated`."""
    with open_database(settings) as database:
        yield ModeratorsDesk(database=database, ledger=_ledger(settings), rules=RuleStore(), now=clock)
