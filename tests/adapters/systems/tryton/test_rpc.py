"""Sessions and errors of Tryton's JSON-RPC."""

import base64
import json

import pytest

from holdfast.adapters.contract import Refused, Response, SessionExpired, Throttled, Undecodable
from holdfast.adapters.systems.tryton import rpc

from . import samples
from .samples import answer, error

OPTIONS = rpc.Options.model_validate(samples.OPTIONS)


def test_a_login_becomes_the_header_of_its_session() -> None:
    request = rpc.LOGIN.request(OPTIONS, {"password": "secret"})
    document = json.loads(request.body)
    assert ("common.db.login", ["holdfast", {"password": "secret"}]) == (
        document["method"],
        document["params"],
    )
    (header,) = rpc.LOGIN.session(answer([7, "token", None])).values()
    scheme, session = header.split()
    assert ("Session", b":7:token") == (scheme, base64.b64decode(session))


@pytest.mark.parametrize("response", [answer(None, status=401), answer("x"), error("E", "")])
def test_a_login_that_gives_no_session_is_refused(response: Response) -> None:
    with pytest.raises(Refused):
        rpc.LOGIN.session(response)


@pytest.mark.parametrize(
    ("response", "raised"),
    [
        (answer(None, status=401), SessionExpired),
        (answer(None, status=403), Refused),
        (answer(None, status=429), Throttled),
        (answer(None, status=503), Throttled),
        (error("UserError", ["There is not enough", "", None]), Refused),
        (error("UserWarning", ["abc.done", "Moves have no origin", ""]), rpc.Warned),
        (error("LoginException", ["password", "Enter it", "password"]), SessionExpired),
        (error("ConcurrencyException", "Somebody wrote"), Throttled),
        (error("'nope'", ""), Refused),
        (error(), Refused),
        (Response(200, {}, b"[]"), Refused),
        (Response(200, {}, b"<html>"), Undecodable),
    ],
)
def test_each_answer_without_a_result_says_what_to_do(
    response: Response, raised: type[Exception]
) -> None:
    with pytest.raises(raised):
        rpc.result(response)


def test_a_wait_that_tryton_asks_for_is_reported() -> None:
    with pytest.raises(Throttled) as throttled:
        rpc.result(answer(None, 429, **{"retry-after": "7"}))
    assert 7.0 == throttled.value.after_s


@pytest.mark.parametrize("response", [answer(7), answer([7]), error("'nope'", "")])
def test_a_poll_without_records_is_undecodable(response: Response) -> None:
    with pytest.raises(Undecodable):
        rpc.rows(response)


def test_a_call_bears_the_company_in_its_context() -> None:
    request = rpc.call(OPTIONS, "stock.move.search", [], locations=[3])
    assert [[], {"company": 1, "locations": [3]}] == json.loads(request.body)["params"]
