"""One provider's REST interface over aiohttp: what to send goes in, an answer that is fine or a typed error comes out.

Owns deadlines, size limits, retries of what certainly drew nothing, the way from statuses to our error tree, polling
until a job is done, and fetching a finished picture. It must not know what any provider's fields mean: the backend
says how its provider words a refusal. No message here quotes the provider's text: it can hold pieces of a prompt.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from multidict import CIMultiDictProxy

from generation.backends.remote import MIB, PICTURE_LIMIT, Patience, retry_after_s
from generation.errors import (
    AccountProblem,
    BackendUnavailable,
    BadReply,
    GenerationError,
    ModelMissing,
    RateLimited,
    TimedOut,
    UnsupportedRequest,
)

_PATIENCE = Patience()
_JSON_LIMIT = 2 * MIB
_CONNECT_S = 10.0
_REFUSED, _TOO_MANY, _UNAVAILABLE = 400, 429, 503

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers (their names in any case) and the whole body."""

    who: str
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises `BadReply` for anything else."""
        content = self.content()
        if content is None:
            raise BadReply(f"{self.who}'s answer is no JSON object.")
        return content

    def content(self) -> dict[str, Any] | None:
        """The body as a JSON object, or None: what an error's reader wants, for whom nothing is certain."""
        try:
            content = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None


Understand = Callable[[Answer], GenerationError | None]
"""A provider's own reading of an answer whose status is 400 or above; None leaves it to the status."""


class Rest:
    """Asks one provider. `who` is its name in sentences, `headers` hold its key, `timeout_s` bounds one exchange.

    `key_name` is the environment variable of the key, for the operator. Connections are made at the first question.
    """

    def __init__(
        self,
        who: str,
        base_url: str,
        *,
        key_name: str,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
        patience: Patience = _PATIENCE,
        understand: Understand = lambda _: None,
    ) -> None:
        """Connect to nothing yet."""
        self.who = who
        self._base_url = base_url.rstrip("/")
        self._key_name = key_name
        self._headers = dict(headers or {})
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(_CONNECT_S, timeout_s))
        self._patience = patience
        self._understand = understand
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool = False,
        limit: int = _JSON_LIMIT,
        **sent: Any,  # noqa: ANN401 - as aiohttp takes them
    ) -> Answer:
        """One exchange with the provider; `sent` is aiohttp's `json`, `data`, `params` or `headers`.

        `path` begins with a slash, or is a whole address that the provider named itself. Asks again, patiently, after
        what certainly drew nothing (no connection, 429, 503), and where the question is `repeatable` (asking how a
        job stands) after any outage. `data` that can be sent only once must be given as a function that makes it.
        Raises `GenerationError`s; redirects are not followed, for the key would go with them.
        """
        for attempt in itertools.count():
            try:
                return await self._exchange(method, path, limit, sent)
            except _NothingDrawnError as found:
                problem, again = found.problem, True
            except BackendUnavailable as found:
                problem, again = found, repeatable
            wait = self._patience.pause_s(attempt, problem.retry_after_s)
            if wait is None or not again:
                raise problem from None
            await asyncio.sleep(wait)
        raise AssertionError("unreachable: patience ends")  # pragma: no cover

    async def poll(
        self, look: Callable[[], Awaitable[T | None]], *, every_s: float, deadline_s: float, longest_s: float = 5.0
    ) -> T:
        """Call `look` until it gives something, at slowly growing pauses; raises `TimedOut` after `deadline_s`."""
        deadline, pause = time.monotonic() + deadline_s, every_s
        while (found := await look()) is None:
            if time.monotonic() + pause > deadline:
                raise TimedOut(f"{self.who} took the request and did not finish it in {deadline_s:.0f} s.")
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, longest_s)
        return found

    async def fetch(self, address: str, *, limit: int = PICTURE_LIMIT) -> bytes:
        """The bytes of a finished picture from the address the provider named: at once, for such links expire.

        Goes without the key, follows redirects, and asks again after an outage, since looking costs nothing. Raises
        `BadReply` for a link that is no longer good or no address at all, and `TimedOut` where it stays out of reach:
        the picture was made, so nobody should order it again unasked.
        """
        if not address.startswith(("https://", "http://")):
            raise BadReply(f"{self.who} named no address for the picture.")
        for attempt in itertools.count():
            try:
                answer = await self._raw("GET", address, limit, {"headers": {}, "allow_redirects": True})
                problem = self._fetch_problem(answer)
                if problem is None:
                    return answer.body
            except (_NothingDrawnError, BackendUnavailable) as found:
                problem = found.problem if isinstance(found, _NothingDrawnError) else found
            wait = self._patience.pause_s(attempt, problem.retry_after_s)
            if not isinstance(problem, BackendUnavailable):
                raise problem
            if wait is None:
                raise TimedOut(f"{self.who} made the picture, and it could not be fetched; it may have been charged.")
            await asyncio.sleep(wait)
        raise AssertionError("unreachable: patience ends")  # pragma: no cover

    def _fetch_problem(self, answer: Answer) -> GenerationError | None:
        if answer.status in {401, 403, 404, 410}:
            return BadReply(f"{self.who}'s link to the picture is no longer good; it may have been charged.")
        return _by_status(answer, self._key_name) if answer.status >= _REFUSED else None

    async def _exchange(self, method: str, path: str, limit: int, sent: dict[str, Any]) -> Answer:
        if callable(sent.get("data")):
            sent = sent | {"data": sent["data"]()}
        headers = self._headers | dict(sent.get("headers") or {})
        address = path if path.startswith(("https://", "http://")) else self._base_url + path
        answer = await self._raw(method, address, limit, sent | {"headers": headers, "allow_redirects": False})
        if answer.status < 300:
            return answer
        problem = self._understand(answer) or _by_status(answer, self._key_name)
        if answer.status in {_TOO_MANY, _UNAVAILABLE} and isinstance(problem, BackendUnavailable):
            raise _NothingDrawnError(problem)
        raise problem

    async def _raw(self, method: str, address: str, limit: int, sent: dict[str, Any]) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=True)
        try:
            async with self._session.request(method, address, **sent) as response:
                body = await self._read(response, limit)
                return Answer(self.who, response.status, response.headers, body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise _NothingDrawnError(BackendUnavailable(f"{self.who} could not be reached.")) from None
        except TimeoutError:
            raise TimedOut(f"{self.who} took the request and did not answer; it may have been charged.") from None
        except aiohttp.InvalidURL:
            raise BadReply(f"{self.who} named an address that is none.") from None
        except ValueError:
            # All that aiohttp refuses to send: a password inside the address beside an Authorization header.
            raise AccountProblem(f"{self.who}'s address holds a password beside {self._key_name}; set one.") from None
        except aiohttp.ClientPayloadError:
            raise BadReply(f"{self.who} broke off in the middle of its answer.") from None
        except aiohttp.ClientError:
            raise TimedOut(f"{self.who} broke off before it answered; it may have been charged.") from None

    async def _read(self, response: aiohttp.ClientResponse, limit: int) -> bytes:
        """The whole body, in pieces, so that an endless answer costs no more memory than the limit."""
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > limit:
                raise BadReply(f"{self.who}'s answer is larger than {limit / MIB:.0f} MiB.")
        return bytes(body)


class _NothingDrawnError(Exception):
    """The provider certainly drew nothing, so that asking again cannot be charged twice."""

    def __init__(self, problem: BackendUnavailable) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def _by_status(answer: Answer, key_name: str) -> GenerationError:
    """What a status alone tells (RFC 9110); whatever the provider says besides is its backend's to read first."""
    who, status, wait = answer.who, answer.status, retry_after_s(answer.headers)
    known: dict[int, GenerationError] = {
        401: AccountProblem(f"{who} does not accept the key in {key_name}."),
        402: AccountProblem(f"{who} says the account has no credit left."),
        403: AccountProblem(f"{who} does not let the key in {key_name} do this."),
        404: ModelMissing(f"{who} does not know this model, or the key may not use it."),
        408: BackendUnavailable(f"{who} gave up waiting for the request.", retry_after_s=wait),
        409: BackendUnavailable(f"{who} is busy with a conflicting request.", retry_after_s=wait),
        _TOO_MANY: RateLimited(f"{who} asks for patience.", retry_after_s=wait),
    }
    if status in known:
        return known[status]
    if status >= 500:
        return BackendUnavailable(f"{who} answered with status {status}.", retry_after_s=wait)
    if status < _REFUSED:
        return BadReply(f"{who} sent us elsewhere (status {status}), which we do not follow with a key.")
    return UnsupportedRequest(f"{who} does not take this request (status {status}).")
