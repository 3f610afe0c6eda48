"""A partner that is called over HTTP: its pace, its session, its failures.

Rules of this file: it knows HTTP, not what is asked. Time heals a connection that fails, 408, 425,
429 and what begins with 5; the adapter judges every other answer. A wait that the partner asks for
comes first.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import httpx

from ..contract import Adapter, Granted, Request, Response, SessionExpired, Throttled
from .buckets import TokenBucket
from .gate import Gate

#: Seconds until more of an answer comes. ERPs take some for a page; more than this is a call that
#: hangs.
TIMEOUT_S: Final = 30.0

#: Seconds for a call as a whole, with bodies of some megabytes either way.
CALL_S: Final = 300.0

#: Bytes of an answer. A partner that sends more is wrong, and must not fill the memory.
ANSWER_BYTES_MAX: Final = 64 << 20

#: Logins in a row for one request before the partner counts as away.
LOGINS_MAX: Final = 2

_TEMPORARY_STATUSES: Final = {408, 425, 429}

Result = TypeVar("Result")


class PartnerAway(Exception):  # noqa: N818 - says what happened
    """The partner cannot be reached, or says that it cannot serve now."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Partner:
    """One partner: `ask` sends a request and reads the answer, however often it takes. `bucket` is
    for requests of operations that have no budget of their own.
    """

    def __init__(
        self,
        name: str,
        http: httpx.AsyncClient,
        bucket: TokenBucket,
        *,
        adapter: Adapter,
        options: Any,
        secrets: Mapping[str, str],
    ) -> None:
        self.gate = Gate(name, (PartnerAway,))
        self._http = http
        self._bucket = bucket
        self._buckets = {
            operation: TokenBucket(budget.rate, budget.burst, bucket.clock)
            for operation, budget in adapter.budgets.items()
        }
        self._granted = adapter.granted
        self._login = adapter.login
        self._credentials = adapter.credentials
        self._options = options
        self._secrets = secrets
        self._session: Mapping[str, str] | None = None
        self._beginning = asyncio.Lock()

    async def ask(self, request: Request, read: Callable[[Response], Result]) -> Result:
        """What `read` makes of the answer to a request. Raises what `read` raises, but Throttled
        and SessionExpired, which are waited for and healed here.
        """
        return await self.gate.call(lambda: self.ask_once(request, read))

    def budget(self, operation: str) -> TokenBucket:
        """What requests of an operation take from: the partner's own budget of it, or `bucket`."""
        return self._buckets.get(operation, self._bucket)

    async def log_in(self) -> None:
        """Begin a session. Raises PartnerAway, Refused and Throttled."""
        await self._begun_session()

    async def ask_once(self, request: Request, read: Callable[[Response], Result]) -> Result:
        """The same, once: raises PartnerAway as well."""
        for _ in range(LOGINS_MAX):
            session = None
            try:
                session = await self._begun_session()
                response = await self._send(request, session)
                if response.status == httpx.codes.UNAUTHORIZED and self._login is not None:
                    raise SessionExpired
                return read(response)
            except SessionExpired:
                if self._session is session:  # and not begun again since, by another request
                    self._session = None
            except Throttled as error:
                raise PartnerAway("it asks to wait", error.after_s) from error
        raise PartnerAway("it ends each session at once")

    async def _begun_session(self) -> Mapping[str, str]:
        if self._login is None:
            return self._credentials(self._options, self._secrets)
        async with self._beginning:
            if self._session is None:
                request = self._login.request(self._options, self._secrets)
                self._session = self._login.session(await self._send(request, {}))
            return self._session

    async def _send(self, request: Request, session: Mapping[str, str]) -> Response:
        bucket, granted = self.budget(request.operation), Granted()
        wait_s = bucket.reserve(request.cost)
        try:
            await asyncio.sleep(wait_s)
            response = await self._exchange(request, session)
            if request.operation in self._buckets:
                with suppress(Exception):  # what it says of budgets is no reason to lose its answer
                    granted = self._granted(response)
            return response
        finally:
            bucket.answered(request.cost, granted)

    async def _exchange(self, request: Request, session: Mapping[str, str]) -> Response:
        try:
            async with (
                asyncio.timeout(CALL_S),
                self._http.stream(
                    request.method,
                    request.url,
                    headers={**request.headers, **_session_for(request, session)},
                    content=request.body,
                ) as answer,
            ):
                return await _read(answer)
        except TimeoutError as error:
            raise PartnerAway(f"its answer takes more than {CALL_S:.0f} seconds") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise PartnerAway(f"{type(error).__name__}: {error}") from error


async def _read(answer: httpx.Response) -> Response:
    """The answer, read no further than its bound. Raises PartnerAway for what time heals."""
    if answer.status_code in _TEMPORARY_STATUSES or answer.status_code >= 500:
        raise PartnerAway(f"it answers {answer.status_code}", _retry_after_s(answer))
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            raise PartnerAway(f"its answer has more than {ANSWER_BYTES_MAX:,} bytes")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(answer.status_code, headers, bytes(body))


def _session_for(request: Request, session: Mapping[str, str]) -> Mapping[str, str]:
    """The session, for requests to the partner's own address: it is a secret to all others."""
    return session if httpx.URL(request.url).is_relative_url else {}


def http_client(base_url: str) -> httpx.AsyncClient:
    """The HTTP client of one partner. It follows no redirects: those would carry secrets away."""
    return httpx.AsyncClient(base_url=base_url, timeout=TIMEOUT_S, follow_redirects=False)


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Seconds that the partner asks to wait: a number or a date (RFC 9110, 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
