"""What a pair is to show: less a buffer, less what is not current; and whose turn it is."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.mapping_files import tables
from holdfast.adapters.publishing.fallback import Fallback
from holdfast.adapters.publishing.items import Items
from holdfast.adapters.publishing.known_levels import KnownLevels
from holdfast.adapters.publishing.pairs import Pairs, Record
from holdfast.adapters.publishing.publish_options import FallbackOptions, PublishOptions
from holdfast.adapters.publishing.targets import Target, Targets, risk

NODES: dict[str, tuple[str, ...]] = {"DEFAULT": ("dc-1", "dc-2")}
NOW_S = 1_700_000_000.0
AT = ("dc-1",)
FACTORS = st.fractions(min_value=Fraction(1, 50), max_value=20, max_denominator=50)


def targets(
    rule: Fallback = Fallback.LAST_KNOWN,
    *,
    is_current: bool = True,
    sold: int = 0,
    factor: str = "1",
    claimed: int = 0,
) -> Targets:
    """Of 8 units at dc-1 and 4 at dc-2, whose source may be silent. The channel sells so many of
    them as one.
    """
    levels = KnownLevels()
    for units in range(8 + sold, 7, -1):
        levels.tell("mug", "dc-1", units, True, NOW_S)
    levels.tell("mug", "dc-2", 4, is_current, NOW_S)
    options = PublishOptions(nodes=NODES, buffer_max=5, fallback=FallbackOptions(rule=rule, cap=1))
    mapped = tables({"m.csv": f"table,theirs,factor,sku\nunit,,{factor},mug\n"})
    items = Items(mapped, datetime(2026, 11, 27, tzinfo=UTC))
    return Targets(options, items, levels, lambda *_: claimed)


@pytest.mark.parametrize(
    ("rule", "shown", "expected"),
    [("last_known", 5, 12), ("freeze", 5, 5), ("freeze", 20, 12), ("cap", 5, 9), ("zero", 5, 8)],
)
def test_a_level_that_is_not_current_is_shown_by_the_rule(
    rule: Fallback, shown: int, expected: int
) -> None:
    found = targets(Fallback(rule), is_current=False).of("mug", "DEFAULT", shown, NOW_S)

    assert Target(12, 0, expected) == found


def test_no_level_is_current_while_the_core_is_silent() -> None:
    silent = targets(Fallback.ZERO)
    silent.is_core_silent = True

    assert Target(12, 0, 0) == silent.of("mug", "DEFAULT", 5, NOW_S)


def test_a_buffer_follows_demand_up_to_its_most() -> None:
    calm, brisk, wild = (targets(sold=sold) for sold in (0, 60, 6_000))
    found = [each.of("mug", "DEFAULT", 5, NOW_S) for each in (calm, brisk, wild)]

    buffers = [each.buffer for each in found if each]
    assert buffers[0] == 0 < buffers[1] <= buffers[2] == 5
    assert all(each and each.quantity == 12 - each.buffer for each in found)


@pytest.mark.parametrize("rule", Fallback)
@pytest.mark.parametrize("shown", [-3, 5, 9, 20])
def test_a_channel_that_shows_what_it_is_to_show_is_left_alone(rule: Fallback, shown: int) -> None:
    brisk = targets(rule, sold=60)
    buffered = brisk.of("mug", "DEFAULT", shown, NOW_S)
    assert buffered
    assert buffered.buffer

    brisk.is_core_silent = True
    first = brisk.of("mug", "DEFAULT", shown, NOW_S)
    assert first
    assert first == brisk.of("mug", "DEFAULT", first.quantity, NOW_S)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [("5", Target(2, 0, 2)), ("13", Target(0, 0, 0)), ("1/12", Target(144, 0, 144))],
)
def test_a_channel_is_shown_whole_ones_of_its_own_unit(factor: str, expected: Target) -> None:
    assert expected == targets(factor=factor).of("mug", "DEFAULT", 0, NOW_S)


@pytest.mark.parametrize(("rule", "expected"), [("freeze", 1), ("cap", 3), ("zero", 2)])
def test_rules_for_what_is_not_current_count_in_the_unit_that_is_shown(
    rule: str, expected: int
) -> None:
    packs = targets(Fallback(rule), is_current=False, factor="3")
    assert Target(4, 0, expected) == packs.of("mug", "DEFAULT", 1, NOW_S)


def test_what_others_may_claim_is_taken_off_before_units_are_packed() -> None:
    assert Target(4, 0, 3) == targets(factor="3", claimed=1).of("mug", "DEFAULT", 0, NOW_S)


def test_a_channel_that_is_away_may_claim_the_units_in_its_packs() -> None:
    single, packs = (targets(sold=6_000, factor=factor) for factor in ("1", "3"))
    assert (
        single.claim("mug", "DEFAULT", 6, AT, NOW_S)
        == packs.claim("mug", "DEFAULT", 2, AT, NOW_S)
        > 2
    )


@given(sold=st.integers(0, 100), factor=FACTORS)
def test_no_unit_of_a_buffer_is_shown_as_part_of_a_pack(sold: int, factor: Fraction) -> None:
    bare = targets(sold=sold).of("mug", "DEFAULT", 0, NOW_S)
    packed = targets(sold=sold, factor=str(factor)).of("mug", "DEFAULT", 0, NOW_S)

    assert bare
    assert packed
    assert packed.quantity * factor <= bare.quantity < (packed.quantity + 1) * factor
    assert packed.there * factor <= bare.there < (packed.there + 1) * factor
    assert packed.there == packed.quantity + packed.buffer


def test_nothing_is_to_be_shown_of_what_the_core_has_not_reported() -> None:
    assert targets().of("pen", "DEFAULT", 5, NOW_S) is None


def test_the_riskiest_pair_has_the_lowest_rank() -> None:
    pairs = Pairs()
    wanted = {  # there, target and shown
        "goes to zero": (0, 0, 3),
        "more than is there": (4, 3, 6),
        "crosses its buffer": (9, 5, 8),
        "hides much": (9, 9, 0),
        "hides little": (2, 2, 0),
        "is a bit low": (9, 9, 8),
    }
    for item, (there, target, shown) in wanted.items():
        row = pairs.restore(item, "DEFAULT", Record(shown, shown, 1, -1, False))
        pairs.there[row], pairs.target[row] = there, target

    by_risk = sorted(range(len(pairs)), key=lambda row: risk(pairs, row, NOW_S))
    assert list(wanted) == [pairs.names[row][0] for row in by_risk]
