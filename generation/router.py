"""How the offered models are doing as far as this front has seen, and what follows for each request.

Owns the breakers and the standing rules of the installation. What it knows of failures is kept in memory: a restart
begins with trust, and the first failures teach it again. It must not know platforms, Redis or sentences.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlite_utils import Database as SqliteDatabase

from generation import estimate, journal
from generation.breaker import Breaker, BreakerRule
from generation.catalogue import Catalogue, ModelEntry
from generation.failover import Consent, Next, failover
from generation.journal import Entry
from generation.request import GenerationRequest
from generation.resolving import needs_of_request
from generation.result import FailureKind, Outcome, OutcomeKind
from generation.routing import Health, RoutePolicy, RouteState, Standing, route
from generation.sizes import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRules:
    """What the operator allows for all servers: the policy, the standing consent, and when a model is left alone."""

    policy: RoutePolicy = field(default_factory=RoutePolicy)
    consent: Consent = field(default_factory=Consent)
    breaker: BreakerRule = field(default_factory=BreakerRule)


class Router:
    """Knows how models are doing, and where a request that failed goes on."""

    def __init__(self, catalogue: Catalogue, rules: RouteRules, now: Callable[[], int]) -> None:
        """Take what is offered, the rules, and a clock in ms."""
        self.rules = rules
        self._catalogue, self._now = catalogue, now
        self._breakers: dict[str, Breaker] = {}

    def state(self, db: SqliteDatabase) -> RouteState:
        """How all offered models are doing now, with their lines and measured speeds."""
        now, lines, speeds = self._now(), estimate.lines(db, self._catalogue), estimate.speeds(db)
        models = {
            entry.id: Standing(
                health=self.health(entry.id), wait_s=lines.get(entry.pool, 0.0), picture_s=speeds.get(entry.id)
            )
            for entry in self._catalogue.offered
        }
        return RouteState(today=datetime.fromtimestamp(now / 1000, UTC).date(), models=models)

    def health(self, model: str) -> Health:
        """Whether requests should go to this model now."""
        return self._breaker(model).health(self._now())

    def sent(self, model: str) -> None:
        """A request went to this model; if it is on trial, this is the one that tries it."""
        self._breakers[model] = self._breaker(model).sent(self._now(), self.rules.breaker)

    def heard(self, model: str, outcome: Outcome) -> None:
        """A request with this model ended; one that was cancelled says nothing of it."""
        failure = outcome.failure
        if outcome.kind is OutcomeKind.PRODUCED:
            self._breakers[model] = self._breaker(model).worked()
        if failure is None:
            return
        self._breakers[model] = self._breaker(model).failed(
            failure.kind, self._now(), self.rules.breaker, failure.retry_after_s
        )

    def go_on(self, db: SqliteDatabase, entry: Entry, kind: FailureKind) -> GenerationRequest | None:
        """The failed request as another model may make it without anybody being asked; None where none may.

        Reads which models it was with before from its timeline, so that it never goes in circles.
        """
        request, failed = entry.request, self._catalogue.entries.get(entry.request.model)
        if failed is None:
            return None
        tried = {event.detail for event in journal.timeline(db, request.id) if event.name == journal.LEFT}
        routing = route(needs_of_request(request), self._catalogue.offered, self.rules.policy, self.state(db))
        way = failover(routing, failed, kind, tried, self.rules.consent)
        return None if way is None or not way.free else _moved(request, failed, way)

    def _breaker(self, model: str) -> Breaker:
        return self._breakers.get(model, Breaker())


def _moved(request: GenerationRequest, failed: ModelEntry, way: Next) -> GenerationRequest:
    entry = way.choice.entry
    width, height = nearest(entry, request.params.width, request.params.height)
    params = replace(
        request.params,
        width=width,
        height=height,
        num_inference_steps=entry.num_inference_steps,
        guidance_scale=entry.guidance_scale,
    )
    seen_by = request.seen_by if failed.stays_here else (*request.seen_by, failed.prompt_goes_to)
    return replace(request, model=entry.id, pool=entry.pool, params=params, instead_of=failed.title, seen_by=seen_by)
