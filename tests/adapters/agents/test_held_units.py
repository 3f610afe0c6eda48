"""Holds for agents on a real node: made once, completed once, declined in words."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest

from holdfast.adapters.agents.agents_options import AgentsOptions
from holdfast.adapters.intake import bodies
from holdfast.edge.client import Client, Retries
from holdfast.v1 import common_pb2 as common
from holdfast.v1.reservation_service_pb2 import CommitResponse, ReleaseResponse
from tests.adapters.agents.asking import OPENAPI, Asking, check_answer
from tests.adapters.agents.test_agent_requests import stripe
from tests.edge.node_process import free_port


@pytest.fixture
async def away(options: AgentsOptions) -> AsyncIterator[Asking]:
    """A hook whose core is away, with a short deadline."""
    hasty = options.model_copy(update={"deadline_ms": 50})
    target = f"127.0.0.1:{free_port()}"
    async with (
        Client(target, retries=Retries(cap_s=0.01)) as client,
        Asking(client, hasty) as made,
    ):
        yield made


# Availability


async def test_what_can_be_had_is_reported_up_to_what_was_asked_for(asking: Asking) -> None:
    some, none = await asking.stock(3), await asking.stock(1)
    await asking.hold(f"all-{none}", (none, 1))
    asked = [(some, 2), (some, 5), (none, 1), ("nobody", 1)]
    items = [{"id": sku, "quantity": units} for sku, units in asked]
    answer = await asking.ask("POST", "availability", {"items": items})
    assert 200 == answer.status_code
    assert [2, 3, 0, 0] == [each["available"] for each in answer.json()["line_items"]]
    assert answer.json()["line_items"][0] == {
        "item": {"id": some}, "quantity": 2, "available": 2
    }  # fmt: skip


async def test_a_location_that_there_is_not_has_nothing(asking: Asking) -> None:
    line = {"id": await asking.stock(3), "quantity": 1, "location": "nowhere"}
    answer = await asking.ask("POST", "availability", {"items": [line]})
    assert 0 == answer.json()["line_items"][0]["available"]
    held = await asking.ask("PUT", "holds/nowhere", {"items": [line]})
    assert "item_unavailable" == held.json()["messages"][0]["code"]


# Names


async def test_an_item_is_sold_under_a_name_that_its_sku_had(asking: Asking) -> None:
    sku = await asking.stock(3)
    await asking.hold(f"before-{sku}", (sku, 1))
    await asking.client.rename_sku(sku, f"{sku}-new")
    asked = [{"id": each, "quantity": 5} for each in (sku, "nobody", f"{sku}-new")]
    answer = await asking.ask("POST", "availability", {"items": asked})
    assert [2, 0, 2] == [each["available"] for each in answer.json()["line_items"]]
    assert "held" == (await asking.hold(f"before-{sku}", (sku, 1)))["status"]
    declined = await asking.hold(f"after-{sku}", (sku, 3))
    assert ["2 of 3 can be had"] == [each["content"] for each in declined["messages"]]


# Holds


async def test_a_hold_is_made_once_and_its_units_leave_with_the_order(asking: Asking) -> None:
    sku = await asking.stock(5)
    first = await asking.hold(f"s-{sku}", (sku, 2))
    assert "held" == first["status"]
    assert first["expires_at"].endswith("Z")
    assert await asking.hold(f"s-{sku}", (sku, 2)) == first
    assert 3 == await asking.available(sku)
    for _ in range(2):
        answer = await asking.ask("POST", f"holds/s-{sku}/complete", idempotency_key="k1")
        assert answer.json() == {"id": f"s-{sku}", "status": "completed"}
    other_key = await asking.ask("POST", f"holds/s-{sku}/complete", idempotency_key="k2")
    assert "completed" == other_key.json()["status"]
    hold = await asking.ask("GET", f"holds/s-{sku}")
    assert hold.json() == {"id": f"s-{sku}", "status": "completed"}
    assert 3 == await asking.available(sku)


async def test_a_hold_that_is_cancelled_gives_its_units_back(asking: Asking) -> None:
    sku = await asking.stock(5)
    await asking.hold(f"c-{sku}", (sku, 2))
    for key in ("k1", "k1", "k2"):
        answer = await asking.ask("POST", f"holds/c-{sku}/cancel", idempotency_key=key)
        assert answer.json() == {"id": f"c-{sku}", "status": "canceled"}
    assert 5 == await asking.available(sku)
    late = await asking.ask("POST", f"holds/c-{sku}/complete")
    assert "declined" == late.json()["status"]
    again = await asking.hold(f"c-{sku}", (sku, 2))
    assert ["declined", "reservation_ended"] == [again["status"], again["messages"][0]["code"]]


async def test_what_is_completed_is_not_cancelled_here(asking: Asking) -> None:
    sku = await asking.stock(5)
    await asking.hold(f"d-{sku}", (sku, 2))
    await asking.ask("POST", f"holds/d-{sku}/complete")
    answer = await asking.ask("POST", f"holds/d-{sku}/cancel")
    assert (409, "idempotency_conflict") == (answer.status_code, answer.json()["code"])
    assert 3 == await asking.available(sku)


async def test_all_lines_are_held_or_none(asking: Asking) -> None:
    many, few = await asking.stock(5), await asking.stock(1)
    answer = await asking.hold(f"short-{many}", (many, 2), (few, 2))
    assert answer == {
        "id": f"short-{many}",
        "status": "declined",
        "messages": [
            {
                "type": "error",
                "code": "out_of_stock",
                "content": "1 of 2 can be had",
                "severity": "unrecoverable",
                "path": "$.line_items[1]",
            }
        ],
    }
    assert 5 == await asking.available(many)


async def test_lines_of_one_item_are_held_together(asking: Asking) -> None:
    sku = await asking.stock(3)
    assert "held" == (await asking.hold(f"two-{sku}", (sku, 1), (sku, 2)))["status"]
    assert 0 == await asking.available(sku)


async def test_one_of_many_gets_the_last_unit(asking: Asking) -> None:
    sku = await asking.stock(1)
    answers = await asyncio.gather(
        *(asking.hold(f"race-{number}-{sku}", (sku, 1)) for number in range(20))
    )
    statuses = [answer["status"] for answer in answers]
    assert (1, 19) == (statuses.count("held"), statuses.count("declined"))


async def test_a_hold_with_other_lines_is_a_conflict(asking: Asking) -> None:
    sku = await asking.stock(5)
    await asking.hold(f"x-{sku}", (sku, 2))
    items = [{"id": sku, "quantity": 3}]
    answer = await asking.ask("PUT", f"holds/x-{sku}", {"items": items})
    assert 409 == answer.status_code
    assert 3 == await asking.available(sku)


async def test_items_have_the_names_of_the_mapping_table(asking: Asking) -> None:
    await asking.stock(5, "TEA")
    assert "held" == (await asking.hold("tea", ("prod_tea", 2)))["status"]
    assert 3 == await asking.available("TEA")


async def test_holds_that_there_are_not_are_not_found(asking: Asking) -> None:
    for method, path in (("GET", ""), ("POST", "/complete"), ("POST", "/cancel")):
        assert 404 == (await asking.ask(method, f"holds/nobody{path}")).status_code
    unknown = await asking.hold("unknown", ("nobody", 1))
    assert "item_unavailable" == unknown["messages"][0]["code"]


# Stripe


async def test_stripe_is_approved_once_or_declined_with_a_reason(asking: Asking) -> None:
    sku = await asking.stock(2)
    lines = [{"id": "li", "sku_id": sku, "quantity": 2}]
    event = stripe(checkout_session=f"cs-{sku}", line_item_details=lines)
    for _ in range(2):
        answer = await asking.approve(event)
        assert (
            200,
            {"manual_approval_details": {"type": "approved"}},
        ) == (answer.status_code, answer.json())
    assert 0 == await asking.available(sku)
    other = await asking.approve(stripe(checkout_session=f"cs2-{sku}", line_item_details=lines))
    assert {
        "type": "declined",
        "declined": {"reason": "0 of 2 can be had"},
    } == other.json()["manual_approval_details"]
    changed = [{"id": "li", "sku_id": sku, "quantity": 1}]
    conflict = await asking.approve(
        {**event, "data": {**event["data"], "line_item_details": changed}}
    )
    assert "declined" == conflict.json()["manual_approval_details"]["type"]
    done = await asking.ask("POST", f"holds/cs-{sku}/complete")
    assert "completed" == done.json()["status"]
    assert "approved" == (await asking.approve(event)).json()["manual_approval_details"]["type"]


@pytest.mark.parametrize("item", ["é" * 100, " ", "\ufffd"])
async def test_what_can_be_no_item_is_declined_to_stripe(asking: Asking, item: str) -> None:
    """An answer other than 200 is an outage to it."""
    lines = [{"id": "li", "sku_id": item, "quantity": 1}]
    answer = await asking.approve(stripe(checkout_session="cs", line_item_details=lines))
    assert "declined" == answer.json()["manual_approval_details"]["type"]


async def test_another_signature_is_refused(asking: Asking) -> None:
    answer = await asking.http.post("/agents/stripe", content=b"{}")
    assert 401 == answer.status_code


# Deadlines


async def test_a_hold_of_a_core_that_is_away_is_declined_in_time(away: Asking) -> None:
    answer = await away.hold("s", ("MUG", 1))
    assert "declined" == answer["status"]
    assert ["unavailable"] == [each["code"] for each in answer["messages"]]
    approval = await away.approve(stripe())
    assert "declined" == approval.json()["manual_approval_details"]["type"]


class Slow:
    """A core that refuses what it is asked, and says nothing more."""

    async def commit(self, *_: object, **__: object) -> CommitResponse:
        return CommitResponse(outcome=common.OUTCOME_REFUSED)

    async def release(self, *_: object, **__: object) -> ReleaseResponse:
        return ReleaseResponse(outcome=common.OUTCOME_REFUSED)

    async def get_reservation(self, *_: object, **__: object) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize("verb", ["complete", "cancel"])
async def test_an_answer_that_takes_two_questions_comes_within_one_deadline(
    options: AgentsOptions, verb: str
) -> None:
    hasty = options.model_copy(update={"deadline_ms": 10})
    async with asyncio.timeout(10), Asking(cast(Client, Slow()), hasty) as asking:
        answer = await asking.ask("POST", f"holds/s/{verb}")
    assert (503, "1") == (answer.status_code, answer.headers["retry-after"])


async def test_what_nobody_knows_is_asked_again(away: Asking) -> None:
    items = {"items": [{"id": "MUG", "quantity": 1}]}
    for answer in (
        await away.ask("POST", "holds/s/complete"),
        await away.ask("POST", "holds/s/cancel"),
        await away.ask("GET", "holds/s"),
        await away.ask("POST", "availability", items),
    ):
        assert (503, "1") == (answer.status_code, answer.headers["retry-after"])
        assert "service_unavailable" == answer.json()["type"]


# What is wrong


@pytest.mark.parametrize("token", ["", "other", "a token "])
async def test_others_may_not_ask(away: Asking, token: str) -> None:
    expected = 401 if token != "a token " else 503
    assert (await away.ask("GET", "holds/s", token=token)).status_code == expected


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "param"),
    [
        ("PUT", "holds/s", b"{", 400, "$"),
        ("PUT", "holds/s", b"{}", 400, "$.line_items"),
        ("PUT", "holds/a%20b", b'{"items": [{"id": "MUG", "quantity": 1}]}', 400, "id"),
        ("POST", "availability", b"[]", 400, "$"),
        ("POST", "availability", b"x" * (257 << 10), 413, "body"),
    ],
)
async def test_what_is_wrong_is_answered(
    away: Asking, method: str, path: str, body: bytes, status: int, param: str
) -> None:
    headers = {"authorization": "Bearer new token"}
    answer = await away.http.request(method, f"/agents/{path}", content=body, headers=headers)
    assert (answer.status_code, answer.json()["param"]) == (status, param)
    check_answer(method, f"/agents/{path}", answer)


@pytest.mark.parametrize("path", ["/agents/availability", "/agents/stripe"])
async def test_a_body_that_does_not_come_is_given_up(
    away: Asking, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Stripe proves itself with the whole body: until then it may be anybody."""
    monkeypatch.setattr(bodies, "BODY_S", 0.0)

    async def begun() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    headers = {"authorization": "Bearer new token"}
    async with asyncio.timeout(10):
        answer = await away.http.post(path, content=begun(), headers=headers)
    assert (408, "close") == (answer.status_code, answer.headers["connection"])
    assert "1 bytes of it did" in answer.json()["message"]
    check_answer("POST", path, answer)


async def test_a_key_that_is_too_long_is_refused(away: Asking) -> None:
    answer = await away.ask("POST", "holds/s/complete", idempotency_key="k" * 256)
    assert 400 == answer.status_code


async def test_too_many_are_asked_to_wait(options: AgentsOptions) -> None:
    few = options.model_copy(update={"rate_max": 1.0, "deadline_ms": 10})
    async with Client(f"127.0.0.1:{free_port()}") as client, Asking(client, few) as asking:
        await asking.ask("GET", "holds/s")
        answer = await asking.ask("GET", "holds/s")
    assert (429, "1") == (answer.status_code, answer.headers["retry-after"])


async def test_answers_are_counted(away: Asking) -> None:
    await away.ask("GET", "holds/s", token="other")
    labels = {"operation": "GET /agents/holds/{id}", "status": "401"}
    count = away.figures.registry.get_sample_value("holdfast_agents_answer_seconds_count", labels)
    assert 1 == count


async def test_without_a_secret_of_stripes_its_hooks_are_not_taken(options: AgentsOptions) -> None:
    bare = options.model_copy(update={"stripe": None})
    async with Client(f"127.0.0.1:{free_port()}") as client, Asking(client, bare) as asking:
        assert (await asking.approve(stripe())).status_code == httpx.codes.NOT_FOUND


async def test_the_published_document_has_the_routes(away: Asking) -> None:
    transport = away.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    served = {
        (route.path, method)
        for route in transport.app.routes  # type: ignore[attr-defined]
        for method in route.methods - {"HEAD"}
    }
    documented = {
        (path, method.upper())
        for path, operations in OPENAPI["paths"].items()
        for method in operations.keys() - {"parameters"}
    }
    assert served == documented
