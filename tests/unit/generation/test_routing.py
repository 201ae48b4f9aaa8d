"""From what a member wrote to what is made: complete, in range, or a typed reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation import refusals as r
from generation.catalogue import Catalogue, CatalogueError, ModelEntry, load_entries
from generation.refusals import Refusal
from generation.routing import HIGHEST_SEED, Route, resolve
from tests.making import ask

CATALOGUE = Catalogue(load_entries(), ["starter", "sdxl"])


def route(prompt: str = "a red boat", **wishes: object) -> Route | Refusal:
    return resolve(ask(**wishes), prompt, CATALOGUE, longest_prompt=2000, any_seed=lambda: 42)


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
        ({"size": "portrait"}, r.BadSize("portrait", "Tessera Starter", ("512x512",))),
        ({"seed": -1}, r.BadSeed(-1, HIGHEST_SEED)),
        ({"seed": 2**32}, r.BadSeed(2**32, HIGHEST_SEED)),
        ({"count": 0}, r.BadCount(0, 4)),
        ({"count": 1000}, r.BadCount(1000, 4)),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_reason(wishes: dict[str, object], refusal: Refusal) -> None:
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
