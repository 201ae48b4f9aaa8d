"""Pictures from Adobe Firefly, by version 3 of its asynchronous interface.

Owns what is asked, the access token, following a job until it is drawn, cancelling it at Adobe when nobody wants it
any more. `firefly_reply` reads the answers. It must not know who asked: Firefly has no field for a member, so
nothing of one is sent.

The protocol is as of github.com/AdobeDocs/ff-services-docs (developer.adobe.com/firefly-services), read on 27 November
2026: static/image_generation_async_v3.json (fields, statuses, error codes, `x-access-error`, PUT to cancel),
guides/how-tos/using-async-apis (the calls in turn, one look a second), getting-started (the token); the codes of
unsafe prompts and pictures are those of github.com/Firefly-Services/firefly-services-sdk-js. From memory, not
checked: that seeds have 31 bits, the model versions `image4_standard` and `image4_ultra`, and that all of them draw
4 pictures a job. The seeds of one job are told one by one, so any picture can be asked for again alone.

Arguments of a catalogue entry: `model` (the header `x-model-version`: `image3`, `image4_standard`), `variations`
(pictures that one job draws, 4 unless said), `content_class` (`photo` or `art`), `visual_intensity`, `locale`,
`negative_prompt`, `custom_model`. An entry's sizes must be among the model's own.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from generation.backends.base import EncodedImage, Generated, Watch
from generation.backends.firefly_reply import (
    ID,
    SECRET,
    WHO,
    Job,
    TokenRefusedError,
    bad_end,
    has_ended,
    percent,
    read_job,
    read_outputs,
    read_token,
    understand,
    understand_ims,
)
from generation.backends.remote import (
    Patience,
    asked_model,
    key_missing,
    no_steps_no_guidance,
    picture,
    several,
    unless_cancelled,
)
from generation.backends.rest import Answer, Rest
from generation.catalogue import ModelEntry
from generation.errors import AccountProblem, BackendUnavailable, GenerationError
from generation.prices import cost_of
from generation.request import JobOrder
from generation.result import MadeBy

log = logging.getLogger(__name__)

_PATIENCE = Patience()
_SCOPE = "openid,AdobeID,session,additional_info,read_organizations,firefly_api,ff_apis"
_CANCEL_S = 5.0
# Adobe takes few requests a minute (4, as its guide says), so pictures share jobs and jobs go two by two.
_AT_ONCE, _VARIATIONS = 2, 4
_SEEDS = 2**31
_PASSED = {
    "content_class": "contentClass",
    "visual_intensity": "visualIntensity",
    "locale": "promptBiasingLocaleCode",
    "negative_prompt": "negativePrompt",
    "custom_model": "customModelId",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """What one job came to. `censored`: Adobe left words of the prompt out."""

    job: str
    images: tuple[EncodedImage, ...]
    censored: bool


class FireflyBackend:
    """One server-to-server project at Adobe.

    `timeout_s` bounds one exchange, `deadline_s` the wait until a job is drawn, `poll_s` is the first pause between
    two looks; all in seconds.
    """

    name = "firefly"

    def __init__(
        self,
        *,
        client_id: str | None,
        client_secret: str | None,
        base_url: str = "https://firefly-api.adobe.io",
        ims_url: str = "https://ims-na1.adobelogin.com",
        timeout_s: float = 30.0,
        deadline_s: float = 300.0,
        poll_s: float = 1.0,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Take the project's id and secret; None is told to whoever asks for a picture."""
        self._lacking = next((name for name, value in ((ID, client_id), (SECRET, client_secret)) if not value), None)
        self._deadline_s = deadline_s
        self._poll_s = poll_s
        self._rest = Rest(
            WHO,
            base_url,
            key_name=ID,
            headers={"x-api-key": client_id or ""},
            timeout_s=timeout_s,
            patience=patience,
            understand=understand,
        )
        ims = Rest(WHO, ims_url, key_name=SECRET, timeout_s=timeout_s, patience=patience, understand=understand_ims)
        self._tokens = _Tokens(ims, client_id or "", client_secret or "")

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        if self._lacking is not None:
            raise key_missing(entry.title, self._lacking)
        model, bodies = asked_model(entry), _bodies(entry, order)
        watch.check()
        watch.stage("drawing")
        drawn = await unless_cancelled(self._draw(model, bodies, watch), watch)
        images = tuple(image for one in drawn for image in one.images)
        usage = {"image": len(images)}
        return Generated(
            images=images,
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=model,
                versions=(("aiohttp", aiohttp.__version__),),
                provider_request_id=", ".join(one.job for one in drawn),
                cost=cost_of(usage, entry.prices),
                usage=tuple(usage.items()),
            ),
            notes=_notes(entry, order, drawn),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._tokens.aclose()
        await self._rest.aclose()

    async def _draw(self, model: str, bodies: list[dict[str, Any]], watch: Watch) -> list[_Drawn]:
        """One job for each body; the first that fails ends the others."""
        percents = [0] * len(bodies)

        async def one(number: int) -> _Drawn:
            def hear(done: int) -> None:
                percents[number] = max(percents[number], done)
                watch.step(sum(percents), 100 * len(percents))

            return await self._one(model, bodies[number], hear)

        return await several(one, len(bodies), at_once=_AT_ONCE)

    async def _one(self, model: str, body: dict[str, Any], hear: Callable[[int], None]) -> _Drawn:
        """One job to its end; it is cancelled at Adobe on every way out but that one."""
        submitting = asyncio.ensure_future(self._submit(model, body))
        ended = False
        try:
            # Shielded: a job that is being taken as we leave must be known, to be cancelled.
            job = await asyncio.shield(submitting)
            state = await self._rest.poll(
                lambda: self._look(job, hear), every_s=self._poll_s, deadline_s=self._deadline_s
            )
            ended = True
        finally:
            if not ended:
                await asyncio.shield(self._withdraw(submitting))
        if (problem := bad_end(state)) is not None:
            raise problem
        return await self._take(job, state, body["seeds"])

    async def _submit(self, model: str, body: dict[str, Any]) -> Job:
        headers = {"x-model-version": model}
        answer = await self._ask("POST", "/v3/images/generate-async", json=body, headers=headers)
        return read_job(answer.json())

    async def _look(self, job: Job, hear: Callable[[int], None]) -> dict[str, Any] | None:
        """The job once it has ended, None while it has not."""
        try:
            state = (await self._ask("GET", job.status_url, repeatable=True)).json()
        except BackendUnavailable:
            # The job is taken and may be charged: left now, it would be paid and asked for again.
            return None
        if (done := percent(state)) > 0:
            hear(done)
        return state if has_ended(state) else None

    async def _take(self, job: Job, state: dict[str, Any], seeds: list[int]) -> _Drawn:
        """The pictures of a job that is done, in the order of their seeds."""
        outputs, censored = read_outputs(state, seeds)
        images = [picture(await self._rest.fetch(address), WHO, seed) for seed, address in outputs]
        return _Drawn(job=job.id, images=tuple(images), censored=censored)

    async def _withdraw(self, submitting: asyncio.Task[Job]) -> None:
        """Cancel a job that Adobe has taken or is just taking; if that fails, Adobe ends it by itself."""
        if submitting.done() and (submitting.cancelled() or submitting.exception() is not None):
            return
        try:
            async with asyncio.timeout(_CANCEL_S):
                job = await submitting
                await self._ask("PUT", job.cancel_url)
        except (GenerationError, TimeoutError) as error:
            log.debug("Adobe Firefly: a job could not be cancelled (%s)", type(error).__name__)

    async def _ask(self, method: str, address: str, *, headers: Mapping[str, str] | None = None, **sent: Any) -> Answer:  # noqa: ANN401 - as `Rest.ask` takes them
        """One exchange with a token; a second one with a new token where the first was refused."""
        token = await self._tokens.get()
        known = dict(headers or {})
        try:
            return await self._rest.ask(method, address, headers=known | _bearer(token), **sent)
        except TokenRefusedError:
            self._tokens.forget(token)
        token = await self._tokens.get()
        try:
            return await self._rest.ask(method, address, headers=known | _bearer(token), **sent)
        except TokenRefusedError as refused:
            raise AccountProblem(refused.detail) from None


class _Tokens:
    """The project's access token: asked for when there is none, kept until shortly before it runs out."""

    def __init__(self, ims: Rest, client_id: str, client_secret: str) -> None:
        """Ask for nothing yet."""
        self._ims = ims
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
            "scope": _SCOPE,
        }
        self._lock = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def get(self) -> str:
        """A token that still serves; jobs that ask together share one. Raises `GenerationError`s."""
        async with self._lock:
            if not self._token or time.monotonic() >= self._until:
                told = (await self._ims.ask("POST", "/ims/token/v3", repeatable=True, data=self._form)).json()
                self._token, lifetime_s = read_token(told)
                self._until = time.monotonic() + lifetime_s
            return self._token

    def forget(self, token: str) -> None:
        """Drop a token that was refused, unless another has taken its place."""
        if self._token == token:
            self._token = ""

    async def aclose(self) -> None:
        """Close the connections."""
        await self._ims.aclose()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _bodies(entry: ModelEntry, order: JobOrder) -> list[dict[str, Any]]:
    """What to ask for, one body a job: as few jobs as hold all seeds."""
    asked = order.params
    body = {
        "prompt": order.prompt,
        "size": {"width": asked.width, "height": asked.height},
        **{theirs: entry.arguments[ours] for ours, theirs in _PASSED.items() if ours in entry.arguments},
    }
    together = entry.arguments.get("variations")
    together = together if type(together) is int and together > 0 else _VARIATIONS
    seeds = [seed % _SEEDS for seed in asked.seeds]
    groups = [seeds[begin : begin + together] for begin in range(0, len(seeds), together)]
    return [body | {"numVariations": len(group), "seeds": group} for group in groups]


def _notes(entry: ModelEntry, order: JobOrder, drawn: list[_Drawn]) -> tuple[str, ...]:
    notes, made = no_steps_no_guidance(entry, order), sum(len(one.images) for one in drawn)
    if any(one.censored for one in drawn):
        notes.append(f"{entry.title} left words of the prompt out that it does not draw.")
    if made < order.params.num_images:
        notes.append(f"{entry.title} made {made} of {order.params.num_images} pictures.")
    return tuple(notes)
