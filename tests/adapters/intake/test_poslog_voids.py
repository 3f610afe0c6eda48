"""Post-voids: what a receipt that undoes another one reverses."""

from decimal import Decimal

import pytest

from holdfast.adapters.events import Exceptional, FactKind, Reference, Reversed
from tests.adapters.intake.poslog_samples import OPTIONS, ORDER, line, link, of


def test_a_post_void_reverses_every_line_of_what_it_links_to() -> None:
    (reversal,) = of(line(2, quantity="-3"), link(99, "PostVoid"))
    assert FactKind.REVERSAL == reversal.kind
    assert ("A", "0042", Decimal(3)) == (reversal.sku, reversal.location, reversal.quantity)
    assert Reversed("2026-11-25/99/2", FactKind.SALE, None, "pos/0042/7") == reversal.reverses
    assert "2026-11-26/114/2/post-void" == reversal.id


def test_a_receipt_that_was_post_voided_itself_is_reversed() -> None:
    sold, back = of(line(1), line(2, "B", "-1"), retail='TransactionStatus="PostVoided"')
    assert Reversed("2026-11-26/114/1", FactKind.SALE) == sold.reverses
    assert Reversed("2026-11-26/114/2", FactKind.RETURN) == back.reverses


def test_a_post_void_of_a_collected_order_takes_its_shipment_back() -> None:
    (undone,) = of(line(1, inside=ORDER), link(99, "PostVoid"))
    assert FactKind.SHIPMENT_REVERSAL == undone.kind
    assert (Reference("reservation", "web-7"), None) == (undone.reference, undone.reverses)


SALE, RETURN, SHIPMENT = FactKind.SALE, FactKind.RETURN, None


@pytest.mark.parametrize(
    ("how", "quantity", "inside", "undone"),
    [
        ("either", "1", "", SALE),
        ("either", "-1", "", SALE),
        ("either", "1", ORDER, SHIPMENT),
        ("either", "-1", ORDER, RETURN),
        ("repeated", "-1", "", RETURN),
        ("repeated", "1", ORDER, SHIPMENT),
        ("repeated", "-1", ORDER, RETURN),
        ("opposite", "-1", "", SALE),
        ("opposite", "1", "", RETURN),
        ("opposite", "-1", ORDER, SHIPMENT),
        ("opposite", "1", ORDER, RETURN),
    ],
)
def test_what_a_post_void_undoes_is_by_its_sign_as_its_tills_write_it(
    how: str, quantity: str, inside: str, undone: FactKind | None
) -> None:
    options = OPTIONS.model_copy(update={"post_void_quantities": how})
    void = link(99, "PostVoid")
    (reversal,) = of(line(1, quantity=quantity, inside=inside), void, options=options)
    assert undone == (reversal.reverses.kind if reversal.reverses else SHIPMENT)
    assert (
        FactKind.SHIPMENT_REVERSAL if undone is SHIPMENT else FactKind.REVERSAL
    ) == reversal.kind
    (named,) = of(line(1, kind="Return", inside=inside), void, options=options)
    assert Reversed("2026-11-25/99/1", RETURN, None, "pos/0042/7") == named.reverses


def test_a_post_void_without_lines_is_a_case_for_a_person() -> None:
    (case,) = of(link(99, "PostVoid"))
    assert isinstance(case, Exceptional)
    assert "pos/0042/7/2026-11-25/99" == case.subject
