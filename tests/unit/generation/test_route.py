"""Routing and failing over: whatever is asked and however the models do, no rule is ever broken."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.catalogue import Lettering, ModelEntry, Openness, Permission
from generation.failover import FAILS_OVER, Consent, failover
from generation.request import Task
from generation.result import FailureKind
from generation.routing import (
    Bar,
    Health,
    Needs,
    Prefer,
    RoutePolicy,
    RouteState,
    Routing,
    Standing,
    Unmet,
    Why,
    route,
)

TODAY = dt.date(2026, 11, 27)
_SIZES = ("512x512", "1024x1024", "512x768")


def entry(model_id: str, **changes: object) -> ModelEntry:
    base = {
        "id": model_id,
        "title": model_id.title(),
        "maker": "tests",
        "backend": "diffusers",
        "openness": "open_weight",
        "licence": "Apache-2.0",
        "bot_use": "yes",
        "bot_use_reason": "so says the test",
        "commercial_use": "yes",
        "sizes": ["512x512"],
        "checked_at": "2026-11-27",
    }
    return ModelEntry.model_validate(base | changes)


def closed(model_id: str, **changes: object) -> ModelEntry:
    return entry(
        model_id,
        **{
            "backend": "openai",
            "openness": "api_only",
            "prompt_goes_to": "Acme",
            "price_per_image": 40_000,
            "seeds": False,
            "lettering": "strong",
            **changes,
        },
    )


def ranked(needs: Needs, *entries: ModelEntry, policy: RoutePolicy | None = None, **models: Standing) -> list[str]:
    routing = route(needs, entries, policy or RoutePolicy(), RouteState(today=TODAY, models=models))
    return [choice.entry.id for choice in routing.choices]


@st.composite
def entries(draw: st.DrawFn) -> list[ModelEntry]:
    """Models of all kinds, each with an id of its own."""
    made = []
    for number in range(draw(st.integers(0, 8))):
        here = draw(st.booleans())
        changes = {
            "sizes": draw(st.lists(st.sampled_from(_SIZES), min_size=1, max_size=3, unique=True)),
            "bot_use": draw(st.sampled_from(Permission)),
            "operator_licence": draw(st.sampled_from(["", "ours"])),
            "commercial_use": draw(st.sampled_from(Permission)),
            "negative_prompt": draw(st.booleans()),
            "lettering": draw(st.sampled_from(Lettering)),
            "references": draw(st.integers(0, 3)),
            "lora": draw(st.booleans()),
            "seeds": draw(st.booleans()),
            "max_images": draw(st.integers(1, 6)),
            "tasks": draw(st.lists(st.sampled_from(Task), min_size=1, unique=True)),
            "shutdown_on": draw(st.none() | st.dates(dt.date(2026, 1, 1), dt.date(2027, 12, 31))),
        }
        price = draw(st.none() | st.integers(0, 200_000))
        company = draw(st.sampled_from(["Acme", "Zorblax"]))
        made.append(
            entry(f"m{number}", **changes)
            if here
            else closed(f"m{number}", **changes, price_per_image=price, prompt_goes_to=company)
        )
    return made


needs = st.builds(
    Needs,
    task=st.sampled_from(Task),
    model=st.none() | st.sampled_from([f"m{n}" for n in range(8)]),
    size=st.none() | st.sampled_from([*_SIZES, "portrait", "zorblax"]),
    count=st.integers(1, 6),
    seed=st.booleans(),
    negative_prompt=st.booleans(),
    legible_text=st.booleans(),
    lora=st.booleans(),
    references=st.integers(0, 3),
    private=st.booleans(),
)
policies = st.builds(
    RoutePolicy,
    local_only=st.booleans(),
    open_weights_only=st.booleans(),
    commercial_only=st.booleans(),
    highest_price=st.none() | st.integers(0, 500_000),
    prefer=st.sampled_from(Prefer),
)
standings = st.dictionaries(
    st.sampled_from([f"m{n}" for n in range(8)]),
    st.builds(
        Standing, health=st.sampled_from(Health), wait_s=st.floats(0, 5000), picture_s=st.none() | st.floats(0.1, 99)
    ),
)


@given(needs, entries(), policies, standings)
def test_no_route_ever_breaks_privacy_licence_price_or_ability(
    needs: Needs, offered: list[ModelEntry], policy: RoutePolicy, models: dict[str, Standing]
) -> None:
    routing = route(needs, offered, policy, RouteState(today=TODAY, models=models))

    # Everybody offered is in it once, with a choice's quote or a reason.
    ids = [choice.entry.id for choice in routing.choices] + [barred.entry.id for barred in routing.barred]
    assert sorted(ids) == sorted(each.id for each in offered)
    assert all(barred.bars for barred in routing.barred)
    for choice in routing.choices:
        chosen, price = choice.entry, choice.quote.price
        assert chosen.may_serve
        assert not chosen.is_gone(TODAY)
        assert needs.task in chosen.tasks
        assert chosen.stays_here or not (needs.private or policy.local_only)
        assert chosen.openness is not Openness.API_ONLY or not policy.open_weights_only
        assert chosen.commercial_use is Permission.YES or chosen.operator_licence or not policy.commercial_only
        assert policy.highest_price is None or (price is not None and price <= policy.highest_price)
        assert needs.count <= chosen.max_images
        assert needs.references <= chosen.references
        assert (Unmet.SEED in choice.unmet) is (needs.seed and not chosen.seeds)
    # Whoever was asked for by name and may serve is first.
    if needs.model in [choice.entry.id for choice in routing.choices]:
        assert routing.choices[0].entry.id == needs.model
        assert Why.ASKED_FOR in routing.choices[0].reasons


@given(needs, entries(), policies, standings, st.randoms())
def test_the_same_question_has_the_same_answer_and_health_bars_nobody(
    needs: Needs, offered: list[ModelEntry], policy: RoutePolicy, models: dict[str, Standing], lot: object
) -> None:
    state = RouteState(today=TODAY, models=models)

    assert route(needs, offered, policy, state) == route(needs, offered, policy, state)
    well = route(needs, offered, policy, RouteState(today=TODAY))
    assert {c.entry.id for c in well.choices} == {c.entry.id for c in route(needs, offered, policy, state).choices}


@given(
    needs,
    entries(),
    policies,
    standings,
    st.sampled_from(FailureKind),
    st.builds(Consent, others_may_see=st.booleans(), dearer=st.booleans()),
    st.sets(st.sampled_from([f"m{n}" for n in range(8)])),
    st.integers(0, 7),
)
def test_going_on_never_rounds_a_refusal_nor_shows_or_costs_more_than_was_agreed(  # noqa: PLR0917 - one drawn thing each
    needs: Needs,
    offered: list[ModelEntry],
    policy: RoutePolicy,
    models: dict[str, Standing],
    kind: FailureKind,
    consent: Consent,
    tried: set[str],
    which: int,
) -> None:
    routing = route(needs, offered, policy, RouteState(today=TODAY, models=models))
    if not routing.choices:
        return
    failed = routing.choices[which % len(routing.choices)]

    way = failover(routing, failed.entry, kind, tried, consent)

    if kind in {FailureKind.OWNER_REFUSED, FailureKind.TIMEOUT, FailureKind.UNSUPPORTED, FailureKind.INTERNAL}:
        assert way is None
    if way is None:
        return
    assert kind in FAILS_OVER
    assert way.choice in routing.choices
    assert way.choice.entry.id not in {*tried, failed.entry.id}
    assert way.choice.health is not Health.FAILING
    if way.free:
        seen = way.choice.entry.stays_here or way.choice.entry.prompt_goes_to == failed.entry.prompt_goes_to
        assert seen or consent.others_may_see
        price, before = way.choice.quote.price, failed.quote.price
        cheaper = price == 0 or (price is not None and before is not None and price <= before)
        assert cheaper or consent.dearer


def test_words_to_be_read_go_to_whom_can_write_them() -> None:
    local, writer = entry("local"), closed("writer")

    assert ranked(Needs(), local, writer) == ["local", "writer"]
    assert ranked(Needs(legible_text=True), local, writer) == ["writer", "local"]
    assert ranked(Needs(legible_text=True, model="local"), local, writer) == ["local", "writer"]
    assert ranked(Needs(legible_text=True, private=True), local, writer) == ["local"]


def test_health_comes_before_a_long_line_and_that_before_the_order() -> None:
    first, second, third = entry("first"), entry("second"), entry("third")
    busy = Standing(wait_s=400)

    assert ranked(Needs(), first, second, third) == ["first", "second", "third"]
    assert ranked(Needs(), first, second, third, first=busy) == ["second", "third", "first"]
    assert ranked(Needs(), first, second, third, first=busy, second=Standing(health=Health.FAILING)) == [
        *("third", "first", "second")
    ]
    # A few seconds more or less are nothing to change one's mind for.
    assert ranked(Needs(), first, second, first=Standing(wait_s=20)) == ["first", "second"]


@pytest.mark.parametrize(
    ("prefer", "order"),
    [
        (Prefer.ORDER, ["dear", "free", "fast"]),
        (Prefer.PRICE, ["free", "fast", "dear"]),
        (Prefer.SPEED, ["fast", "free", "dear"]),
    ],
)
def test_the_installations_taste_decides_what_remains(prefer: Prefer, order: list[str]) -> None:
    models = (
        closed("dear", typical_seconds=30),
        entry("free", typical_seconds=20),
        closed("fast", typical_seconds=2, price_per_image=10),
    )

    assert ranked(Needs(), *models, policy=RoutePolicy(prefer=prefer)) == order


def test_all_that_stands_in_the_way_is_named() -> None:
    gone = closed("gone", shutdown_on="2026-11-27", price_per_image=None)
    policy = RoutePolicy(local_only=True, open_weights_only=True, highest_price=1)

    routing = route(Needs(count=9, size="huge"), [gone], policy, RouteState(today=TODAY))

    (barred,) = routing.barred
    assert barred.bars == (Bar.GONE, Bar.SIZE, Bar.COUNT, Bar.LEAVES_HERE, Bar.CLOSED, Bar.PRICE_UNKNOWN)


def test_a_question_is_asked_only_where_no_free_way_is_left() -> None:
    here, acme, other = entry("here"), closed("acme"), closed("other", prompt_goes_to="Zorblax")

    def routing(*offered: ModelEntry) -> Routing:
        return route(Needs(), offered, RoutePolicy(), RouteState(today=TODAY))

    home = failover(routing(acme, other, here), acme, FailureKind.OUTAGE, frozenset(), Consent())
    asked = failover(routing(here, acme), here, FailureKind.OUTAGE, frozenset(), Consent())
    agreed = Consent(others_may_see=True, dearer=True)

    assert home is not None
    assert (home.choice.entry.id, home.free) == ("here", True)
    assert asked is not None
    assert (asked.choice.entry.id, asked.free) == ("acme", False)
    allowed = failover(routing(here, acme), here, FailureKind.OUTAGE, frozenset(), agreed)
    assert allowed is not None
    assert allowed.free
    assert failover(routing(here), here, FailureKind.OUTAGE, frozenset(), agreed) is None
