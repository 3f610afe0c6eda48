"""Transaction sets of X12: which count, and that a wrong one is reported and holds nothing up."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import (
    Ignored,
    OrderEvent,
)
from holdfast.adapters.intake.x12 import ADAPTER
from tests.adapters.intake.x12_samples import (
    BIA,
    BSN,
    LEVELS,
    W06,
    W15,
    W17,
    WAREHOUSE,
    interchange,
    isa,
    one,
    read,
    transaction_set,
)


def test_tests_do_not_count_unless_the_options_say_so() -> None:
    body = one("945", W06, WAREHOUSE, "W12*CL*3*3**EA**VN*pen", usage="T")
    assert [Ignored("test")] == read(body)
    assert 1 == len(read(body, accepts_tests=True))


def test_other_sets_are_ignored() -> None:
    assert [Ignored("x12_850")] == read(one("850", "BEG*00"))


def test_a_wrong_set_does_not_hold_up_the_next() -> None:
    good = transaction_set("945", W06, WAREHOUSE, "W12*CL*3*3**EA**VN*pen", control="0002")
    wrong, shipped = read(interchange("945", transaction_set("945", "W06*F"), good))
    assert isinstance(wrong, Undecodable)
    assert isinstance(shipped, OrderEvent)
    assert "000000012/34/0002" == shipped.id


def test_bytes_that_are_not_utf_8_are_latin_1() -> None:
    body = one("945", "W06*F*\u00e4", WAREHOUSE, "W12*CL*3*3**EA**VN*pen")
    for text in (body, body.decode().encode("latin-1")):
        [shipped] = read(text)
        assert isinstance(shipped, OrderEvent)
        assert "\u00e4" == shipped.order


def test_the_location_of_the_options_stands_in_for_one_that_nobody_names() -> None:
    [shipped] = read(one("945", W06, "W12*CL*3*3**EA**VN*pen"), location="W9")
    assert isinstance(shipped, OrderEvent)
    assert "W9" == shipped.lines[0].location


def test_a_message_is_known_by_its_content() -> None:
    key = ADAPTER.key
    assert key(Message(b"a")) == key(Message(b"a", {"file": "x"})) != key(Message(b"b"))


SAMPLES = [
    one("846", BIA, WAREHOUSE, "LIN*1*SK*pen", "QTY*17*9*EA", "SDQ*EA*92*S1*4"),
    one("944", W17, WAREHOUSE, "W07*10*EA**VN*pen", "W13*3*EA*01**04"),
    one("945", W06, WAREHOUSE, "W12*CP*3*1*2*EA**VN*pen", "N9*LI*10"),
    one("947", W15, WAREHOUSE, "W19*AB*-3*EA**VN*pen"),
    one("856", BSN, *LEVELS),
]
HEADER = len(isa())


@given(st.sampled_from(SAMPLES), st.data())
def test_any_change_of_a_sample_decodes_or_is_reported(sample: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sample)))
    new = data.draw(st.binary(max_size=4) | st.sampled_from([b"*", b"~", b"**", b"-", b"0", b"9"]))
    body = sample[:at] + new + sample[at + data.draw(st.integers(0, 3)) :]
    with suppress(Undecodable):
        read(body)


@given(st.sampled_from(SAMPLES), st.data())
def test_any_element_may_hold_anything(sample: bytes, data: st.DataObject) -> None:
    head, *segments = sample[HEADER:].decode().split("~")
    at = data.draw(st.integers(1, len(segments) - 5))
    elements = segments[at].split("*")
    place = data.draw(st.integers(0, len(elements) - 1))
    elements[place] = data.draw(
        st.text(max_size=9) | st.from_regex(r"-?[0-9.]{0,30}", fullmatch=True)
    )
    segments[at] = "*".join(elements)
    with suppress(Undecodable):
        read(sample[:HEADER] + "~".join([head, *segments]).encode(errors="replace"))
