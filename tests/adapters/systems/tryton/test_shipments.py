"""What is asked of Tryton for a fulfilment, step by step, with answers as a real one gave them."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.adapters.contract import Change, Done, Refused, Request, Response, SessionExpired
from holdfast.adapters.systems.references import mark_of, parse_reference, reference_of
from holdfast.adapters.systems.tryton.rpc import Options
from holdfast.adapters.systems.tryton.shipments import OUTBOUND

from . import samples
from .samples import answer, error

OPTIONS = Options.model_validate({**samples.OPTIONS, "customer": "SHOPPERS"})
SHIPPED = Change(
    "R-17", "TS-A", "WH", 3, "COMMITTED", "FULFILLED",
    datetime(2026, 11, 26, tzinfo=UTC), "t/0/17/R-17/TS-A/WH/FULFILLED/1",
)  # fmt: skip
BACK = replace(SHIPPED, from_state="FULFILLED", state="COMMITTED", id="t/0/19/R-17")


def shipment(state: str, reference: str = reference_of(SHIPPED), **values: Any) -> dict[str, Any]:
    """A shipment as the search finds it."""
    moves = [{"id": 3, "internal_quantity": 3.0, "product.": {"id": 1, "code": "TS-A"}}]
    return {
        "id": 5,
        "state": state,
        "reference": reference,
        "warehouse_output": 2,
        "warehouse_storage": 3,
        "outgoing_moves.": moves,
        **values,
    }


def steps(change: Change, *answers: Response) -> list[str]:
    """The methods that are called, one for each answer, and the end."""
    asked: list[str] = []
    for number in range(len(answers) + 1):
        step = OUTBOUND.next(change, answers[:number], OPTIONS)
        asked.append(step.note if isinstance(step, Done) else method_of(step))
    return asked


def method_of(request: Request) -> str:
    """The method that a request calls, without the model that most are of."""
    method: str = json.loads(request.body)["method"]
    return method.removeprefix("model.").removeprefix("stock.shipment.out.")


def found(*rows: dict[str, Any]) -> Response:
    """An answer with records."""
    return answer(list(rows))


OK = answer(None)
PLACE = {"id": 5, "type": "warehouse", "storage_location": 3, "output_location": 2}
CREATION = (
    found(),
    found({"id": 1, "default_uom": 1}),
    found(PLACE),
    found({"id": 2, "addresses": [2], "customer_location": 7}),
    found({"id": 1, "currency": 1}),
    answer([5]),
)


def test_a_shipment_is_sought_made_and_brought_to_done() -> None:
    way = (found(shipment("draft")), OK, OK, found({"id": 5, "state": "assigned"}), OK, OK, OK, OK)
    assert [
        "search_read",
        *("product.product.search_read", "stock.location.search_read", "party.party.search_read"),
        *("company.company.search_read", "create", "search_read"),
        *("wait", "assign_try", "search_read", "pick", "pack", "ship", "do", "shipment 5"),
    ] == steps(SHIPPED, *CREATION, *way)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("assigned", ["pick", "pack", "ship", "do"]),
        ("picked", ["pack", "ship", "do"]),
        ("packed", ["ship", "do"]),
        ("shipped", ["do"]),
        ("done", []),
    ],
)
def test_a_shipment_goes_on_from_the_state_that_it_is_in(state: str, expected: list[str]) -> None:
    asked = steps(SHIPPED, found(shipment(state)), *[OK] * len(expected))
    assert ["search_read", *expected, "shipment 5"] == asked


def test_nothing_is_picked_where_goods_lie_and_leave_at_one_location() -> None:
    here = shipment("assigned", warehouse_storage=2)
    assert ["search_read", "pack", "ship", "do", "shipment 5"] == steps(
        SHIPPED, found(here), OK, OK, OK
    )


def test_a_question_is_answered_with_yes_and_the_step_repeated() -> None:
    warned = error("UserWarning", ["abc.done", "Moves have no origin", ""])
    asked = steps(SHIPPED, found(shipment("shipped")), warned, found({"id": 7}), answer([1]), OK)
    assert [
        *("search_read", "do", "res.user.search_read", "res.user.warning.create", "do"),
        "shipment 5",
    ] == asked
    yes = OUTBOUND.next(SHIPPED, [found(shipment("shipped")), warned, found({"id": 7})], OPTIONS)
    assert isinstance(yes, Request)
    assert [[{"user": 7, "name": "abc.done"}], {"company": 1}] == json.loads(yes.body)["params"]


def test_a_question_that_is_asked_for_ever_is_refused() -> None:
    warned = error("UserWarning", ["abc.done", "Moves have no origin", ""])
    with pytest.raises(Refused, match="keeps asking"):
        steps(SHIPPED, found(shipment("shipped")), *[warned, found({"id": 7}), answer([1])] * 11)


def test_a_step_that_was_done_by_a_lost_request_is_not_refused() -> None:
    refused = error("UserError", ['You can not call "do"', "", None])
    done = found({"id": 5, "state": "done"})
    assert "shipment 5" == steps(SHIPPED, found(shipment("shipped")), refused, done)[-1]
    with pytest.raises(Refused, match="You can not call"):
        steps(SHIPPED, found(shipment("shipped")), refused, found({"id": 5, "state": "shipped"}))


def test_too_little_in_the_books_names_the_quantity() -> None:
    with pytest.raises(Refused, match="less than 3 of TS-A at WH") as refused:
        steps(SHIPPED, found(shipment("waiting")), OK, found({"id": 5, "state": "waiting"}))
    assert "quantity" == refused.value.field


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ((found(), found()), "sku"),
        ((found(), found({"id": 1}, {"id": 2})), "sku"),
        ((*CREATION[:2], found()), "location"),
        ((*CREATION[:2], found({"id": 9, "type": "storage", "parent.": None})), "location"),
        ((*CREATION[:3], found()), "customer"),
        ((*CREATION[:3], found({"id": 2, "addresses": []})), "customer"),
        ((*CREATION, found()), "sku"),
    ],
)
def test_what_tryton_lacks_is_refused_by_its_field(
    answers: tuple[Response, ...], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        steps(SHIPPED, *answers)
    assert field == refused.value.field


def test_a_store_is_found_in_its_warehouse() -> None:
    store = {"id": 9, "type": "storage", "parent.": {"type": "view", "parent.": {"id": 5,
        "type": "warehouse"}}}  # fmt: skip
    create = OUTBOUND.next(SHIPPED, [*CREATION[:2], found(store), *CREATION[3:5]], OPTIONS)
    assert isinstance(create, Request)
    (made,), _ = json.loads(create.body)["params"]
    assert (5, 9, 9) == (made["warehouse"], made["warehouse_storage"], made["warehouse_output"])
    assert f"holdfast:R-17 ({mark_of(SHIPPED)})" == made["reference"]


def test_a_double_that_a_lost_request_made_is_cancelled() -> None:
    double = shipment("draft", id=6)
    asked = steps(SHIPPED, found(double, shipment("shipped")), OK, OK)
    assert ["search_read", "cancel", "do", "shipment 5"] == asked


def test_shipments_of_others_are_left_alone() -> None:
    for other in ("holdfast:R-17", "holdfast:R-17 (x)", "holdfast:R-17 (0123456789abcdef)"):
        assert "product.product.search_read" == steps(SHIPPED, found(shipment("done", other)))[-1]
    gone = steps(SHIPPED, found(shipment("cancelled")))
    assert ["search_read", "shipment 5, which was cancelled there"] == gone


def test_what_was_not_shipped_after_all_is_noted_and_cancelled() -> None:
    done = found(shipment("done"))
    assert [
        *("search_read", "ir.note.search_read", "ir.note.create", "cancel"),
        "shipment 5 cancelled",
    ] == steps(BACK, done, found(), answer([1]), OK)
    note = {"resource": "stock.shipment.out,5", "message": f"holdfast: not shipped after all "
        f"{mark_of(BACK)}"}  # fmt: skip
    noted = steps(BACK, done, found(note), OK)
    assert ["search_read", "ir.note.search_read", "cancel", "shipment 5 cancelled"] == noted
    cancelled = steps(BACK, found(shipment("cancelled")), found(note))
    assert "shipment 5 cancelled" == cancelled[-1]


def test_what_cannot_be_cancelled_as_a_whole_is_refused() -> None:
    assert ["search_read", "nothing of it was posted"] == steps(BACK, found())
    note = {"resource": "stock.shipment.out,5", "message": "holdfast: not shipped after all 00"}
    for change, notes in ((BACK, found(note)), (replace(BACK, quantity=2), found())):
        with pytest.raises(Refused) as refused:
            steps(change, found(shipment("done")), notes)
        assert "quantity" == refused.value.field


def test_it_does_not_concern_tryton_what_leaves_a_location_whose_books_it_does_not_keep() -> None:
    here = OPTIONS.model_copy(update={"ships_from": (SHIPPED.location,)})
    elsewhere = OPTIONS.model_copy(update={"ships_from": ("ST43",)})

    assert OUTBOUND.concerns(SHIPPED, here)
    assert not OUTBOUND.concerns(SHIPPED, elsewhere)


def test_it_concerns_tryton_when_units_leave_and_when_they_have_not_after_all() -> None:
    assert OUTBOUND.concerns(SHIPPED, OPTIONS)
    assert OUTBOUND.concerns(BACK, OPTIONS)
    from_tryton = replace(SHIPPED, correlation_id="tryton/move/17")
    held = replace(SHIPPED, from_state="UNSPECIFIED", state="HELD")
    returned = replace(SHIPPED, from_state="FULFILLED", state="RETURNED")
    assert not any(OUTBOUND.concerns(each, OPTIONS) for each in (from_tryton, held, returned))


def test_a_session_that_ended_is_distinguished_from_a_refusal() -> None:
    with pytest.raises(SessionExpired):
        steps(SHIPPED, answer(None, status=401))


@pytest.mark.parametrize("order", ["R-17", "R (1)", "R\n17", "R-17 (0123456789abcdef)", "100%_x"])
def test_a_reference_tells_its_reservation_and_change(order: str) -> None:
    change = replace(SHIPPED, reservation_id=order)
    assert (order, mark_of(change)) == parse_reference(reference_of(change))


@pytest.mark.parametrize("text", [None, "", "SO-17", "holdfast:", "Holdfast:R-17"])
def test_other_references_are_of_no_reservation(text: str | None) -> None:
    assert parse_reference(text) is None
