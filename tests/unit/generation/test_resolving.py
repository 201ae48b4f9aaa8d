"""From what a member wrote to what is made: complete, in range, or a typed reason."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation import refusals as r
from generation.catalogue import Catalogue, CatalogueError, ModelEntry, load_absent, load_entries
from generation.failover import Consent
from generation.refusals import Refusal
from generation.resolving import HIGHEST_SEED, Route, resolve, wants_letters
from generation.routing import Bar, Health, RoutePolicy, RouteState, Standing
from tests.making import ask

CATALOGUE = Catalogue(load_entries(), ["starter", "sdxl"], load_absent())
BOTH = Catalogue(load_entries(), ["sdxl", "gpt-image-2"], load_absent())
TODAY = dt.date(2026, 11, 27)


def route(
    prompt: str = "a red boat",
    *,
    catalogue: Catalogue = CATALOGUE,
    policy: RoutePolicy | None = None,
    state: RouteState | None = None,
    consent: Consent | None = None,
    **wishes: Any,
) -> Route | Refusal:
    return resolve(
        ask(**wishes),
        prompt,
        catalogue,
        longest_prompt=2000,
        any_seed=lambda: 42,
        policy=policy or RoutePolicy(),
        consent=consent or Consent(),
        state=state or RouteState(today=TODAY),
    )


def test_what_is_left_open_is_filled_in() -> None:
    made = route()

    assert isinstance(made, Route)
    assert (made.entry.id, made.params.width, made.params.seed, made.params.num_images) == ("starter", 512, 42, 1)


@pytest.mark.parametrize("size", ["832x1216", "832 x 1216", "832×1216", "832X1216", "portrait", " Portrait "])
def test_a_size_may_be_written_in_many_ways(size: str) -> None:
    made = route(model="sdxl", size=size)

    assert isinstance(made, Route)
    assert (made.params.width, made.params.height) == (832, 1216)


@pytest.mark.parametrize(
    ("wishes", "refusal"),
    [
        ({"prompt": ""}, r.EmptyPrompt()),
        ({"prompt": "x" * 4000}, r.PromptTooLong(4000, 2000)),
        ({"model": "zorblax"}, r.UnknownModel("zorblax", ("starter", "sdxl"))),
        ({"size": "9999x9999"}, r.BadSize("9999x9999", "Tessera Starter", ("512x512",))),
        ({"size": "1x1"}, r.BadSize("1x1", "Tessera Starter", ("512x512",))),
        ({"model": "starter", "size": "portrait"}, r.BadSize("portrait", "Tessera Starter", ("512x512",))),
        ({"seed": -1}, r.BadSeed(-1, HIGHEST_SEED)),
        ({"seed": 2**32}, r.BadSeed(2**32, HIGHEST_SEED)),
        ({"count": 0}, r.BadCount(0, 4)),
        ({"count": 1000}, r.BadCount(1000, 4)),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_reason(wishes: dict[str, Any], refusal: Refusal) -> None:
    prompt = str(wishes.pop("prompt", "a red boat"))

    assert route(prompt, **wishes) == refusal


@given(
    model=st.none() | st.text(max_size=80),
    size=st.none() | st.text(max_size=30),
    seed=st.none() | st.integers(),
    count=st.integers(),
)
def test_no_wish_breaks_it(model: str | None, size: str | None, seed: int | None, count: int) -> None:
    made = route(model=model, size=size, seed=seed, count=count)

    if isinstance(made, Route):
        assert (made.params.width, made.params.height) in made.entry.dimensions
        assert 0 <= made.params.seed <= HIGHEST_SEED
        assert 1 <= made.params.num_images <= made.entry.max_images


def test_without_a_name_the_first_that_can_makes_it() -> None:
    portrait = route(size="portrait")

    assert isinstance(portrait, Route)
    assert portrait.entry.id == "sdxl"


@pytest.mark.parametrize(
    ("prompt", "letters"),
    [
        ("a shop sign that says bakery", True),
        ("a poster “OPEN TONIGHT”", True),
        ('a mug with the words "good morning"', True),
        ("a neon sign 'zorblax' at night", True),
        ("art deco lettering", True),
        ("the baker's dog and the cat's toy", False),
        ("a red boat", False),
        ('5" by 7" print', False),
    ],
)
def test_words_to_be_read_are_noticed(prompt: str, letters: bool) -> None:  # noqa: FBT001 - a table's column
    assert wants_letters(prompt) is letters
    agreed = route(prompt, catalogue=BOTH, consent=Consent(others_may_see=True, dearer=True))
    unasked = route(prompt, catalogue=BOTH)

    assert isinstance(agreed, Route)
    assert agreed.entry.id == ("gpt-image-2" if letters else "sdxl")
    # Quotation marks alone send nothing from the house and nobody to the till.
    assert isinstance(unasked, Route)
    assert unasked.entry.id == "sdxl"


@pytest.mark.parametrize(
    ("model", "refusal"),
    [
        ("Midjourney v7", r.ModelAbsent("Midjourney", next(a.why for a in load_absent() if a.title == "Midjourney"))),
        ("dall-e 3", r.ModelAbsent("DALL·E", "OpenAI shut DALL·E 2 and 3 down on 12 May 2026.", "GPT Image 2")),
        ("z-image", r.CannotServe("Z-Image", (Bar.NOT_OFFERED,), instead=("sdxl", "gpt-image-2"))),
    ],
)
def test_a_model_that_is_not_to_be_had_says_why(model: str, refusal: Refusal) -> None:
    assert route(model=model, catalogue=BOTH) == refusal


def test_a_licence_that_forbids_it_is_explained_to_who_asks() -> None:
    refused = route(model="FLUX.1 dev", catalogue=BOTH)

    assert isinstance(refused, r.CannotServe)
    assert (refused.bars, "non-commercial" in refused.detail) == ((Bar.LICENCE,), True)


def test_a_named_model_that_the_policy_bars_is_refused_and_no_other_is_taken_for_it() -> None:
    assert route(model="gpt-image-2", catalogue=BOTH, policy=RoutePolicy(local_only=True)) == r.CannotServe(
        "GPT Image 2", (Bar.LEAVES_HERE,)
    )


def test_while_a_named_model_fails_a_free_one_stands_in_and_the_request_says_so() -> None:
    failing = RouteState(today=TODAY, models={"gpt-image-2": Standing(health=Health.FAILING)})
    made = route(model="gpt-image-2", catalogue=BOTH, state=failing)
    other_way = route(
        model="sdxl", catalogue=BOTH, state=RouteState(today=TODAY, models={"sdxl": Standing(health=Health.FAILING)})
    )

    assert isinstance(made, Route)
    assert isinstance(other_way, Route)
    assert (made.entry.id, made.instead_of) == ("sdxl", "GPT Image 2")
    assert (other_way.entry.id, other_way.instead_of) == ("sdxl", "")


def test_seeds_follow_each_other_and_wrap() -> None:
    made = route(seed=HIGHEST_SEED, count=2)

    assert isinstance(made, Route)
    assert made.params.seeds == (HIGHEST_SEED, 0)


def test_models_are_found_by_id_or_title_whatever_the_case() -> None:
    found = [CATALOGUE.find(name) for name in ("SDXL", "sdxl 1.0", "", None)]

    assert [entry.id for entry in found if entry] == ["sdxl", "sdxl", "starter", "starter"]


def test_suggestions_begin_with_what_contains_the_typed() -> None:
    entries = [entry.model_copy(update={"id": f"m{n}", "title": f"Model {n}"}) for n in range(60) for entry in ENTRY]
    catalogue = Catalogue(entries, [entry.id for entry in entries])

    assert len(catalogue.suggest("")) == 25
    assert catalogue.suggest("model 59")[0].id == "m59"
    assert catalogue.suggest("qqqq") == ()


ENTRY: list[ModelEntry] = [entry for entry in load_entries() if entry.id == "starter"]


def test_a_licence_that_forbids_a_bot_keeps_a_model_from_being_offered() -> None:
    barred = ENTRY[0].model_copy(update={"bot_use": "no", "bot_use_reason": "It is for research only."})

    with pytest.raises(CatalogueError, match="research only"):
        Catalogue([barred], ["starter"])
    with pytest.raises(CatalogueError, match="zorblax"):
        Catalogue(ENTRY, ["zorblax"])
    Catalogue([barred.model_copy(update={"operator_licence": "our contract of May"})], ["starter"])
