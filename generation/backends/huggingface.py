"""Pictures through Hugging Face: from one of its Inference Providers, or from an endpoint that speaks its interface.

Owns the calls, the deadlines and the waiting for jobs. What to send where comes from the huggingface_hub library: it
knows the name each provider gives a model, and each one's paths, headers and fields. The sending is ours, over `Rest`,
and not `AsyncInferenceClient.text_to_image`, because that

- gives back a decoded picture, so that the provider's bytes, request id, seed and refusals are lost;
- looks up the model on the event loop, and waits for WaveSpeed's jobs in a thread that outlives a cancelled request
  and keeps the worker from ending, both without any deadline;
- fetches finished pictures without a limit and without looking at the status.

The price is two names out of modules that the library keeps to itself, `get_provider_helper` and the type of what its
`prepare_request` gives. The pinned version holds them still, and the tests ask each provider through them. What
is left running when a request is given up: at most one thread that looks up a model's name at the hub, for that
look-up has no time-out.

Cancelling closes the connection, and cancels at the provider where its answer named an address for that (Replicate,
once its first answer has come, which may take the 60 seconds that the library asks it to wait). fal, Together, nscale,
WaveSpeed and Z.ai have no such call in this interface: they may finish and charge the picture all the same. A key that
begins with `hf_` goes through Hugging Face's router; another goes to the provider itself. That the router passes on
looks at Replicate's jobs as it does WaveSpeed's and Z.ai's is from memory, not checked. As of huggingface_hub 2.4.0
(2026-11-27).
"""

import asyncio
import dataclasses
import logging
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import httpx2
import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.inference._common import RequestParameters
from huggingface_hub.inference._providers import get_provider_helper

from generation.backends.base import EncodedImage, Generated, Watch
from generation.backends.huggingface_reply import WHO, Found, Job, read_answer, refusal
from generation.backends.remote import MIB, PICTURE_LIMIT, Patience, key_missing, picture, several, unless_cancelled
from generation.backends.rest import Rest
from generation.catalogue import ModelEntry
from generation.errors import BackendUnavailable, BadReply, GenerationError, ModelMissing, TimedOut
from generation.prices import cost_of, megapixels
from generation.request import JobOrder
from generation.result import MadeBy

_log = logging.getLogger(__name__)

_PATIENCE = Patience()
_ROUTER = "https://router.huggingface.co"
_KEY_NAME = "HF_TOKEN"
# A picture may come as base64 inside JSON: four letters for three bytes, with some words around it.
_REPLY_LIMIT = PICTURE_LIMIT * 4 // 3 + MIB
_LOOK_UP_S = 20.0
_CANCEL_S = 5.0
_OURS = {"model", "provider"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    image: EncodedImage
    request_id: str | None


class HuggingFaceBackend:
    """One Hugging Face account, or one endpoint of one's own.

    `base_url` is the router's address, or, for entries that name no provider, the endpoint itself. `timeout_s` bounds
    one exchange and `job_s` the waiting for a job; both together bound the making of one picture.
    """

    name = "huggingface"

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str = _ROUTER,
        timeout_s: float = 120.0,
        job_s: float = 300.0,
        look_every_s: float = 0.5,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Take the account's key; None is told to whoever asks for a picture."""
        self._api_key = api_key
        self._base_url = base_url.rstrip("/")
        self._job_s = job_s
        self._longest_s = timeout_s + job_s
        self._look_every_s = look_every_s
        self._cancels: set[asyncio.Task[None]] = set()
        self._rest = Rest(WHO, base_url, key_name=_KEY_NAME, timeout_s=timeout_s, patience=patience, understand=refusal)

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        watch.check()
        seeds = [seed if entry.seeds else None for seed in order.params.seeds]
        # One after the other: the first looks up the model, the others find it known.
        requests = [await unless_cancelled(self._prepare(entry, order, seed), watch) for seed in seeds]
        watch.stage("drawing")
        made = await unless_cancelled(
            several(lambda number: self._make(requests[number], seeds[number]), len(requests)), watch
        )
        usage = _usage(entry, order)
        return Generated(
            images=tuple(each.image for each in made),
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=requests[0].model or str(entry.arguments["model"]),
                versions=(
                    ("aiohttp", aiohttp.__version__),
                    ("huggingface_hub", huggingface_hub.__version__),
                ),
                provider_request_id=", ".join(each.request_id for each in made if each.request_id) or None,
                cost=cost_of(usage, entry.prices),
                usage=tuple(sorted(usage.items())),
            ),
            notes=_notes(entry, order, requests[0]),
        )

    async def aclose(self) -> None:
        """Close the connections, once jobs that were given up are cancelled."""
        if self._cancels:
            await asyncio.wait(self._cancels)
        await self._rest.aclose()

    async def _prepare(self, entry: ModelEntry, order: JobOrder, seed: int | None) -> RequestParameters:
        """What to send for one picture; the library may ask the hub for the provider's name of the model."""
        if not self._api_key:
            raise key_missing(entry.title, _KEY_NAME)
        provider, model = self._route(entry)
        params = order.params
        wanted: dict[str, Any] = {
            "width": params.width,
            "height": params.height,
            "num_inference_steps": params.num_inference_steps,
            "guidance_scale": params.guidance_scale,
            "seed": seed,
            **{name: value for name, value in entry.arguments.items() if name not in _OURS},
        }
        key = self._api_key

        def ask_library() -> RequestParameters:
            helper = get_provider_helper(cast("Any", provider), task="text-to-image", model=model)
            return helper.prepare_request(
                inputs=order.prompt, parameters=wanted, headers={"Accept": "image/png"}, model=model, api_key=key
            )

        try:
            async with asyncio.timeout(_LOOK_UP_S):
                return await asyncio.to_thread(ask_library)
        except HfHubHTTPError as error:
            raise _look_up_problem(error, entry) from None
        except (TimeoutError, OSError, httpx2.HTTPError):
            raise BackendUnavailable(f"{WHO}'s hub could not be reached to look up “{entry.id}”.") from None
        except ValueError:
            # The library's word for an unknown provider, and for a model that this one does not serve for pictures.
            raise ModelMissing(f"{WHO} has no provider as “{entry.id}” names it for this model.") from None

    def _route(self, entry: ModelEntry) -> tuple[str, str]:
        """The provider and the model's name, or the endpoint's address in its place."""
        provider, model = entry.arguments.get("provider"), entry.arguments.get("model")
        if not model:
            raise _unsaid(entry, "which model to ask for (arguments.model)")
        if provider:
            return str(provider), str(model)
        if self._base_url == _ROUTER:
            raise _unsaid(entry, "which provider to ask (arguments.provider), nor is HF_INFERENCE_BASE_URL set")
        return "hf-inference", self._base_url

    async def _make(self, request: RequestParameters, seed: int | None) -> _Picture:
        try:
            async with asyncio.timeout(self._longest_s):
                return await self._draw(request, seed)
        except TimeoutError:
            raise TimedOut(f"{WHO} did not finish the picture in {self._longest_s:.0f} s; it may be charged.") from None

    async def _draw(self, request: RequestParameters, seed: int | None) -> _Picture:
        headers = {str(name): str(value) for name, value in request.headers.items()}
        answer = await self._rest.ask(
            "POST", self._through(request.url), json=request.json, headers=headers, limit=_REPLY_LIMIT
        )
        found = read_answer(answer.body)
        request_id = answer.headers.get("x-request-id") or answer.headers.get("x-fal-request-id") or found.job_id
        if found.job is not None:
            found = await self._wait(found.job, self._home(request.url), headers)
        data = found.data if found.data is not None else await self._rest.fetch(found.address or "")
        told = found.seed if seed is not None and found.seed is not None else seed
        return _Picture(image=picture(data, WHO, told), request_id=request_id)

    async def _wait(self, job: Job, home: str, headers: dict[str, str]) -> Found:
        """Look at a job until it has ended; one that is given up is cancelled, where that is possible."""
        if not job.look:
            raise BadReply(f"{WHO}'s provider took a job and did not say where to look for it.")

        async def look() -> Found | None:
            answer = await self._rest.ask(
                "GET", home + urlsplit(job.look).path, headers=headers, limit=_REPLY_LIMIT, repeatable=True
            )
            found = read_answer(answer.body)
            return None if found.job is not None else found

        ended = False
        try:
            found = await self._rest.poll(look, every_s=self._look_every_s, deadline_s=self._job_s)
            ended = True
        except GenerationError as problem:
            ended = not isinstance(problem, BackendUnavailable)
            raise
        finally:
            if not ended and job.cancel:
                cancel = asyncio.create_task(self._cancel(home + urlsplit(job.cancel).path, headers))
                self._cancels.add(cancel)
                cancel.add_done_callback(self._cancels.discard)
                await asyncio.shield(cancel)
        return found

    async def _cancel(self, address: str, headers: dict[str, str]) -> None:
        try:
            async with asyncio.timeout(_CANCEL_S):
                await self._rest.ask("POST", address, headers=headers)
        except (GenerationError, TimeoutError) as problem:
            _log.debug("a job could not be cancelled: %s", type(problem).__name__)

    def _through(self, address: str) -> str:
        """The address with our router's in place of the library's."""
        return self._base_url + address.removeprefix(_ROUTER) if address.startswith(f"{_ROUTER}/") else address

    def _home(self, address: str) -> str:
        """What stands before the paths of a provider's jobs: its own host, or its part of the router."""
        parts = urlsplit(address)
        if address.startswith(f"{_ROUTER}/"):
            return f"{self._base_url}/{parts.path.split('/')[1]}"
        return f"{parts.scheme}://{parts.netloc}"


def _unsaid(entry: ModelEntry, what: str) -> ModelMissing:
    return ModelMissing(f"The catalogue entry “{entry.id}” does not say {what}.")


def _look_up_problem(error: HfHubHTTPError, entry: ModelEntry) -> GenerationError:
    if error.response.status_code in {401, 403, 404}:
        return ModelMissing(f"{WHO} does not know the model of “{entry.id}”, or shows it to members only.")
    return BackendUnavailable(f"{WHO}'s hub did not say where “{entry.id}” is served.")


def _usage(entry: ModelEntry, order: JobOrder) -> dict[str, int]:
    """In the unit that the entry prices; no provider here tells what it charged."""
    params = order.params
    if "first_megapixel" in entry.prices:
        return megapixels(params.width, params.height, params.num_images)
    return {"image": params.num_images}


def _notes(entry: ModelEntry, order: JobOrder, request: RequestParameters) -> tuple[str, ...]:
    """What was left out: the library drops what a provider does not take."""
    sent = request.json if isinstance(request.json, dict) else {}
    names = {*sent, *(sent.get("input") or {}), *(sent.get("parameters") or {})}
    notes = [] if entry.seeds else [f"{entry.title} takes no seed."]
    if order.params.num_inference_steps is not None and not names & {"num_inference_steps", "steps"}:
        notes.append(f"{entry.title} takes no number of steps.")
    return tuple(notes)
