"""What every backend keeps: `generation.backends.base.Backend`, over every real one, the remote ones with stand-ins."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from generation.backends.automatic1111 import Automatic1111Backend
from generation.backends.base import Backend, Watch
from generation.backends.bfl import BflBackend
from generation.backends.comfyui import ComfyUIBackend
from generation.backends.diffusers import DiffusersBackend
from generation.backends.firefly import FireflyBackend
from generation.backends.google import GoogleBackend
from generation.backends.horde import HordeBackend
from generation.backends.huggingface import HuggingFaceBackend
from generation.backends.ideogram import IdeogramBackend
from generation.backends.openai import OpenAIBackend
from generation.backends.recraft import RecraftBackend
from generation.backends.stability import StabilityBackend
from generation.catalogue import ModelEntry
from generation.errors import GenerationCancelled, ModelMissing
from generation.worker.pictures import look_at
from tests import tiny
from tests.making_jobs import api_entry, local_entry, order
from tests.peers.automatic1111 import TITLE, Automatic1111Peer
from tests.peers.bfl import BflPeer
from tests.peers.comfyui import WORKFLOW, ComfyUIPeer
from tests.peers.firefly import CLIENT_ID, FireflyPeer
from tests.peers.google import GooglePeer
from tests.peers.horde import HordePeer
from tests.peers.huggingface import HuggingFacePeer
from tests.peers.ideogram import IdeogramPeer
from tests.peers.openai.peer import OpenAIPeer
from tests.peers.recraft import RecraftPeer
from tests.peers.stability import StabilityPeer


@dataclass
class Case:
    backend: Backend
    entry: ModelEntry
    missing: ModelEntry


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.stable_diffusion(tmp_path_factory.mktemp("pipelines") / "sd")


# Every remote backend: its stand-in, the backend over it, and its entry's arguments.
REMOTE: dict[str, tuple[type[Any], Callable[[Any], Backend], dict[str, str]]] = {
    "openai": (
        OpenAIPeer,
        lambda peer: OpenAIBackend(api_key=peer.key, base_url=peer.base_url),
        {"model": "gpt-image-2", "quality": "low", "moderation": "auto"},
    ),
    "google": (
        GooglePeer,
        lambda peer: GoogleBackend(api_key=peer.key, base_url=peer.url),
        {"model": "gemini-nano-banana-2.1"},
    ),
    "huggingface": (
        HuggingFacePeer,
        lambda peer: HuggingFaceBackend(api_key=peer.key, base_url=f"{peer.url}/endpoint"),
        {"model": "zorblax/boats"},
    ),
    "bfl": (BflPeer, lambda peer: BflBackend(api_key=peer.key, base_url=peer.url), {"model": "flux-2-pro"}),
    "stability": (
        StabilityPeer,
        lambda peer: StabilityBackend(api_key=peer.key, base_url=peer.url),
        {"model": "core"},
    ),
    "firefly": (
        FireflyPeer,
        lambda peer: FireflyBackend(client_id=CLIENT_ID, client_secret=peer.key, base_url=peer.url, ims_url=peer.url),
        {"model": "image4_standard"},
    ),
    "ideogram": (
        IdeogramPeer,
        lambda peer: IdeogramBackend(api_key=peer.key, base_url=peer.url),
        {"model": "ideogram-4-5"},
    ),
    "recraft": (
        RecraftPeer,
        lambda peer: RecraftBackend(api_key=peer.key, base_url=peer.url),
        {"model": "recraftv4_1"},
    ),
    "comfyui": (
        ComfyUIPeer,
        lambda peer: ComfyUIBackend(base_url=peer.url, poll_s=0.02),
        {"workflow": str(WORKFLOW)},
    ),
    "automatic1111": (
        Automatic1111Peer,
        lambda peer: Automatic1111Backend(base_url=peer.url, poll_s=0.02),
        {"checkpoint": TITLE},
    ),
    "horde": (HordePeer, lambda peer: HordeBackend(base_url=peer.url, poll_s=0.02), {"model": "zorblax"}),
}


TAKE_SEEDS = {"comfyui", "automatic1111", "bfl", "stability", "firefly", "huggingface", "ideogram", "horde"}


@pytest.fixture(params=["diffusers", *REMOTE])
async def case(request: pytest.FixtureRequest, pipeline: Path, tmp_path: Path) -> AsyncIterator[Case]:
    if request.param == "diffusers":
        local = DiffusersBackend()
        yield Case(local, local_entry({"folder": str(pipeline)}), local_entry({"folder": str(tmp_path / "nowhere")}))
        await local.aclose()
        return
    stand_in, make, arguments = REMOTE[request.param]
    async with stand_in() as peer:
        peer.delay_s = 0.2
        remote = make(peer)
        entry = api_entry(
            arguments, backend=request.param, prompt_goes_to="the stand-in", seeds=request.param in TAKE_SEEDS
        )
        yield Case(remote, entry, entry.model_copy(update={"arguments": {}}))
        await remote.aclose()


def _silent() -> Watch:
    return Watch(lambda *_: None)


async def test_it_is_called_what_the_catalogue_calls_it(case: Case) -> None:
    assert case.backend.name == case.entry.backend


async def test_it_makes_as_many_whole_pictures_of_the_size_as_were_asked_for(case: Case) -> None:
    made = await case.backend.generate(case.entry, order(num_images=2), _silent())

    looked = [look_at(image.data) for image in made.images]
    assert [(picture.width, picture.height) for picture in looked] == [(64, 64), (64, 64)]
    assert [picture.media_type for picture in looked] == [image.media_type for image in made.images]
    assert len({hashlib.sha256(image.data).digest() for image in made.images}) == 2


async def test_it_says_what_made_them_so_that_they_can_be_replayed(case: Case) -> None:
    made_by = (await case.backend.generate(case.entry, order(), _silent())).made_by

    assert (made_by.model, made_by.title, made_by.backend) == (case.entry.id, case.entry.title, case.entry.backend)
    assert made_by.revision
    assert made_by.versions


async def test_each_picture_has_its_seed_or_a_note_says_that_there_is_none(case: Case) -> None:
    made = await case.backend.generate(case.entry, order(num_images=2, seed=11), _silent())

    seeds = [image.seed for image in made.images]
    assert None not in seeds or (seeds == [None, None] and "Closed takes no seed." in made.notes)
    assert seeds in ([11, 12], [None, None])


async def test_it_says_when_it_draws(case: Case) -> None:
    heard: list[tuple[str, int, int]] = []

    await case.backend.generate(case.entry, order(), Watch(lambda *word: heard.append(word)))

    assert ("drawing", 0, 0) in heard
    steps = [(done, total) for stage, done, total in heard if stage == "drawing" and total]
    assert steps == sorted(steps)
    assert all(done <= total for done, total in steps)


async def test_work_that_was_cancelled_before_is_not_begun(case: Case) -> None:
    watch = _silent()
    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await case.backend.generate(case.entry, order(), watch)


async def test_work_that_is_cancelled_in_the_middle_ends_early_and_the_next_goes_well(case: Case) -> None:
    watch = _silent()
    work = asyncio.create_task(case.backend.generate(case.entry, order(num_inference_steps=500), watch))
    await asyncio.sleep(0.05)
    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    assert (await case.backend.generate(case.entry, order(), _silent())).images


async def test_a_task_that_is_cancelled_stops_the_work_too(case: Case) -> None:
    watch = _silent()
    work = asyncio.create_task(case.backend.generate(case.entry, order(num_inference_steps=500), watch))
    await asyncio.sleep(0.05)
    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    assert (await case.backend.generate(case.entry, order(), _silent())).images


async def test_a_model_that_is_not_there_is_told_to_the_operator(case: Case) -> None:
    with pytest.raises(ModelMissing) as caught:
        await case.backend.generate(case.missing, order(prompt="zorblax"), _silent())

    assert caught.value.detail
    assert "zorblax" not in caught.value.detail
