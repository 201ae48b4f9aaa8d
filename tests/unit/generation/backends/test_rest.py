"""The REST skeleton against a server that fails on demand: what each failure becomes, and what is asked again."""

import socket
from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

import pytest
from aiohttp import web

from generation.backends.remote import Patience
from generation.backends.rest import Answer, Rest
from generation.errors import (
    AccountProblem,
    BackendUnavailable,
    BadReply,
    ContentRefused,
    GenerationError,
    ModelMissing,
    RateLimited,
    TimedOut,
    UnsupportedRequest,
)
from tests.peers.provider import Handler, ProviderPeer, says

PNG = b"\x89PNG\r\n\x1a\n and so on"


class Zorblax(ProviderPeer):
    """A provider that draws at once."""

    FAULTS: ClassVar = {"declined": says(400, {"reason": "declined"}), "odd": says(422, {"reason": "zorblax"})}

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        return {("POST", "/draw"): self._draw, ("GET", "/picture"): self._picture}

    async def _draw(self, request: web.Request) -> web.StreamResponse:
        if not self.knows(request):
            return web.json_response({"message": "who are you?"}, status=401)
        return web.json_response({"url": f"{self.url}/picture"})

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=PNG, status=403 if "Authorization" in request.headers else 200)


@pytest.fixture
async def peer() -> AsyncIterator[Zorblax]:
    async with Zorblax() as peer:
        yield peer


@pytest.fixture
async def rest(peer: Zorblax) -> AsyncIterator[Rest]:
    rest = _rest(peer.url)
    yield rest
    await rest.aclose()


def _rest(url: str) -> Rest:
    return Rest(
        "Zorblax",
        url,
        key_name="ZORBLAX_API_KEY",
        headers={"Authorization": f"Bearer {Zorblax.key}"},
        timeout_s=0.5,
        patience=Patience(jitter=lambda: 0.0),
        understand=_understand,
    )


def _understand(answer: Answer) -> GenerationError | None:
    declined = (answer.content() or {}).get("reason") == "declined"
    return ContentRefused(f"{answer.who} declined the prompt.") if declined else None


async def test_a_question_and_its_answer(rest: Rest, peer: Zorblax) -> None:
    answer = await rest.ask("POST", "/draw", json={"prompt": "a boat"})

    assert await rest.fetch(answer.json()["url"]) == PNG
    assert [(call.method, call.path, call.sent) for call in peer.calls] == [
        ("POST", "/draw", {"prompt": "a boat"}),
        ("GET", "/picture", {}),
    ]


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("declined", ContentRefused, 1),
        ("odd", UnsupportedRequest, 1),
        ("bad_key", AccountProblem, 1),
        ("no_credit", AccountProblem, 1),
        ("not_found", ModelMissing, 1),
        ("rate_limit", RateLimited, 3),
        ("long_rate_limit", RateLimited, 1),
        ("unavailable", BackendUnavailable, 3),
        ("server_error", BackendUnavailable, 1),
        ("elsewhere", BadReply, 1),
        ("hang", TimedOut, 1),
        ("drop", TimedOut, 1),
        ("break_off", BadReply, 1),
        ("endless", BadReply, 1),
        ("garbage", BadReply, 1),
    ],
)
async def test_each_failure_has_its_kind_and_only_what_drew_nothing_is_asked_again(
    rest: Rest, peer: Zorblax, fault: str, kind: type[GenerationError], calls: int
) -> None:
    peer.fault(fault, times=9)

    with pytest.raises(GenerationError) as caught:
        (await rest.ask("POST", "/draw", json={"prompt": "zorblax"})).json()

    assert type(caught.value) is kind
    assert len(peer.calls) == calls
    assert caught.value.detail.startswith("Zorblax")
    assert "zorblax" not in caught.value.detail
    assert "sk-sec" not in caught.value.detail


@pytest.mark.parametrize("fault", ["server_error", "hang", "drop"])
async def test_looking_again_costs_nothing(rest: Rest, peer: Zorblax, fault: str) -> None:
    peer.fault(fault, times=2)

    await rest.ask("POST", "/draw", repeatable=True)

    assert len(peer.calls) == 3


@pytest.mark.parametrize(
    ("fault", "calls", "kind"),
    [("not_found", 1, BadReply), ("server_error", 3, TimedOut), ("endless", 1, BadReply)],
)
async def test_a_picture_that_cannot_be_fetched(
    rest: Rest, peer: Zorblax, fault: str, calls: int, kind: type[GenerationError]
) -> None:
    peer.fault(fault, path="/picture", times=9)

    with pytest.raises(GenerationError) as caught:
        await rest.fetch(f"{peer.url}/picture", limit=1_000_000)

    assert type(caught.value) is kind
    assert len(peer.calls) == calls


@pytest.mark.parametrize("address", ["", "file:///etc/passwd", "ftp://127.0.0.1/", "http://"])
async def test_what_is_no_address_is_not_fetched(rest: Rest, address: str) -> None:
    with pytest.raises(BadReply):
        await rest.fetch(address)


async def test_a_password_in_the_address_beside_a_key_is_the_operators_to_mend(peer: Zorblax) -> None:
    rest = _rest(peer.url.replace("http://", "http://ann:secret@"))

    with pytest.raises(AccountProblem, match="ZORBLAX_API_KEY") as caught:
        await rest.ask("POST", "/draw")
    await rest.aclose()

    assert "secret" not in caught.value.detail
    assert not peer.calls


async def test_nobody_there_is_an_outage() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        rest = _rest(f"http://127.0.0.1:{free.getsockname()[1]}")

    with pytest.raises(BackendUnavailable, match="could not be reached"):
        await rest.ask("POST", "/draw")
    await rest.aclose()


async def test_a_job_that_never_ends_is_left_in_time(rest: Rest) -> None:
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1

    with pytest.raises(TimedOut):
        await rest.poll(look, every_s=0.01, deadline_s=0.1)

    assert looks > 2
