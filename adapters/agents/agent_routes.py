"""The hook over HTTP: who may ask, what is read, and what is answered.

Rules of this file: each request has its answer within the deadline. What a shop has to tell a
customer comes with 200 and a status; what the caller has done wrong comes with 4xx; an outcome that
nobody knows comes with 503, and the same request is sent again.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.edge.client import HoldfastError, InvalidArgument, NotFound

from ..contract import Undecodable, Unverified
from ..intake import fields
from ..intake.bodies import BodyLate, BodyTooLong, read_body
from .agent_requests import approval, check_signature, check_token, hold_id, wanted
from .held_units import Answer, Conflict, Holds, Problem, message_of

#: Bytes of a body.
BODY_BYTES: Final = 256 << 10
#: Seconds after which the same request is to be sent again.
WAIT_S: Final = 1

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may ask, and how often."""

    tokens: Sequence[str]
    stripe_secrets: Sequence[str]
    take: Callable[[], float]
    """Takes a request and returns 0, or for how many seconds to wait."""
    answered: Callable[[str, int, float], None]
    """Takes in the operation, the status and the seconds of an answer."""
    clock: Callable[[], float]


def routes(holds: Holds, guard: Guard, now: Callable[[], datetime]) -> list[Route]:
    """What is served under /agents."""

    async def availability(request: Request) -> Response:
        lines = [
            {
                "item": {"id": each.line.item},
                "quantity": each.line.quantity,
                "available": each.available,
            }
            for each in await holds.offer(wanted(await _document(request)))
        ]
        return JSONResponse({"line_items": lines})

    async def hold(request: Request) -> Response:
        name, lines = _name(request), wanted(await _document(request))
        return _answer(name, await holds.hold(name, lines))

    async def state(request: Request) -> Response:
        return _answer(_name(request), await holds.state(_name(request)))

    async def complete(request: Request) -> Response:
        return _answer(_name(request), await holds.complete(_name(request), _key(request)))

    async def cancel(request: Request) -> Response:
        return _answer(_name(request), await holds.cancel(_name(request), _key(request)))

    async def approve(request: Request) -> Response:
        body = await read_body(request, BODY_BYTES)
        signature = request.headers.get("stripe-signature", "")
        check_signature(body, signature, guard.stripe_secrets, now().timestamp())
        asked = approval(fields.json_of(body, "$"))
        try:
            return _approved(await holds.hold(asked.session, asked.lines))
        except (Conflict, InvalidArgument) as error:  # other than 200 is an outage to Stripe
            return _approved(Answer("declined", [Problem("invalid", str(error))]))

    def bearer(handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            check_token(request.headers.get("authorization", ""), guard.tokens)
            return await handler(request)

        return checked

    made = [
        ("POST", "/agents/availability", bearer(availability)),
        ("PUT", "/agents/holds/{id}", bearer(hold)),
        ("GET", "/agents/holds/{id}", bearer(state)),
        ("POST", "/agents/holds/{id}/complete", bearer(complete)),
        ("POST", "/agents/holds/{id}/cancel", bearer(cancel)),
    ]
    if guard.stripe_secrets:
        made.append(("POST", "/agents/stripe", approve))
    return [
        Route(path, _guarded(f"{method} {path}", handler, guard), methods=[method])
        for method, path, handler in made
    ]


def _guarded(name: str, handler: Handler, guard: Guard) -> Handler:
    """A handler whose refusals are answers, and whose answers are counted."""

    async def guarded(request: Request) -> Response:
        began = guard.clock()
        if wait_s := guard.take():
            answer = _refused(429, "more requests a second than this hook takes", wait_s=wait_s)
        else:
            answer = await _judged(handler, request)
        guard.answered(name, answer.status_code, guard.clock() - began)
        return answer

    return guarded


async def _judged(handler: Handler, request: Request) -> Response:
    try:
        return await handler(request)
    except Undecodable as error:
        blamed = {"param": error.field, "value": error.value, "expected": error.expected}
        return _refused(400, str(error), blamed)
    except BodyTooLong as error:
        return _refused(413, str(error), {"param": "body"})
    except BodyLate as error:
        late = _refused(408, str(error))
        late.headers["connection"] = "close"
        return late
    except Unverified as error:
        return _refused(401, f"not verified: {error}")
    except NotFound as error:
        return _refused(404, error.message)
    except Conflict as error:
        return _refused(409, str(error))
    except InvalidArgument as error:
        return _refused(400, error.message)
    except HoldfastError as error:
        return _away(error.message)
    except TimeoutError:
        return _away("its answers took too long")
    except ClientDisconnect:
        return Response(status_code=400)


def _away(why: str) -> Response:
    text = f"the core does not say now, so send the same request again: {why}"
    return _refused(503, text, wait_s=WAIT_S)


def _answer(name: str, answer: Answer) -> Response:
    body: dict[str, Any] = {"id": name, "status": answer.status}
    if answer.expires is not None:
        body["expires_at"] = answer.expires.isoformat().replace("+00:00", "Z")
    if answer.problems:
        body["messages"] = [message_of(each) for each in answer.problems]
    return JSONResponse(body)


def _approved(answer: Answer) -> Response:
    """An answer as Stripe reads it."""
    if answer.status in ("held", "completed"):
        return JSONResponse({"manual_approval_details": {"type": "approved"}})
    reason = "; ".join(each.content for each in answer.problems) or answer.status
    declined = {"type": "declined", "declined": {"reason": reason[:500]}}
    return JSONResponse({"manual_approval_details": declined})


def _refused(
    status: int, text: str, blamed: Mapping[str, str] | None = None, wait_s: float | None = None
) -> Response:
    """An answer in the flat form of ACP's errors."""
    kind = "invalid_request" if status < 500 and status != 429 else "service_unavailable"
    body = {"type": kind, "code": _CODES[status], "message": text, **(blamed or {})}
    headers = {} if wait_s is None else {"retry-after": f"{max(1, round(wait_s))}"}
    return JSONResponse(body, status, headers)


_CODES: Final = {
    400: "invalid",
    401: "unauthorized",
    404: "not_found",
    408: "timeout",
    409: "idempotency_conflict",
    413: "too_long",
    429: "too_many_requests",
    503: "unavailable",
}


def _name(request: Request) -> str:
    return hold_id(request.path_params["id"], "id")


def _key(request: Request) -> str:
    return fields.any_text(request.headers.get("idempotency-key", ""), "idempotency-key", 255)


async def _document(request: Request) -> Any:
    return fields.json_of(await read_body(request, BODY_BYTES), "$")
