"""An adapter that is driven by hand against a real partner: each request one by one."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

from holdfast.adapters.contract import (
    Adapter,
    Change,
    Done,
    Message,
    Request,
    Response,
)
from holdfast.adapters.events import Decoded, StockFact

Result = TypeVar("Result")


class Driven:
    """An adapter with its options, its session and its cursor."""

    def __init__(
        self, adapter: Adapter, url: str, secrets: Mapping[str, str], **options: Any
    ) -> None:
        self.adapter = adapter
        self.options = adapter.options.model_validate(options)
        self.cursor = ""
        self.requests: list[Request] = []
        self._reported: set[str] = set()
        self._secrets = secrets
        self._session: Mapping[str, str] = {}
        self._http = httpx.Client(base_url=url, timeout=60.0)

    def send(self, request: Request) -> Response:
        """Send a request, and log in when the partner asks for it."""
        self.requests.append(request)
        response = self._send(request)
        if response.status == httpx.codes.UNAUTHORIZED and self.adapter.login is not None:
            login = self.adapter.login
            answer = self._send(login.request(self.options, self._secrets))
            self._session = login.session(answer)
            response = self._send(request)
        return response

    def _send(self, request: Request) -> Response:
        answer = self._http.request(
            request.method,
            request.url,
            headers={**request.headers, **self._session},
            content=request.body,
        )
        return Response(answer.status_code, dict(answer.headers), answer.content)

    def poll(self) -> list[Message]:
        """The messages of one sweep."""
        poll = self.adapter.poll
        assert poll is not None
        messages: list[Message] = []
        has_more = True
        while has_more:
            response = self.send(poll.request(self.cursor, self.options))
            page = poll.page(response, self.cursor, self.options)
            messages += page.messages
            self.cursor, has_more = page.cursor, page.has_more
        return messages

    def decoded(self, messages: list[Message]) -> list[Decoded]:
        """What messages say."""
        decoded: list[Decoded] = []
        for message in messages:
            for each in self.adapter.decode(message, self.options):
                assert not isinstance(each, Exception)
                decoded.append(each)
        return decoded

    def facts(self) -> list[StockFact]:
        """The facts of one sweep."""
        return [each for each in self.decoded(self.poll()) if isinstance(each, StockFact)]

    def new_facts(self) -> list[StockFact]:
        """Those of them that no sweep has reported before."""
        new = [fact for fact in self.facts() if fact.id not in self._reported]
        self._reported |= {fact.id for fact in new}
        return new

    def tell(
        self, change: Change, lose: Callable[[int], object] = lambda _: False, times: int = 1
    ) -> Done:
        """Report a change. A request whose answer is lost is sent as often as `times` says, and the
        adapter begins again after it.
        """
        outbound = self.adapter.outbound
        assert outbound is not None
        responses: list[Response] = []
        number = 0
        while True:
            step = outbound.next(change, responses, self.options)
            if isinstance(step, Done):
                return step
            for _ in range(times):
                response = self.send(step)
            responses.append(response)
            number += 1
            if lose(number):
                responses = []


def method_of(request: Request) -> str:
    """The method that a JSON-RPC request calls."""
    return str(json.loads(request.body)["method"])
