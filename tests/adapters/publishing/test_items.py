"""What a channel calls SKUs, as of a time and under the names that SKUs have by then."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.mapping import Tables
from holdfast.adapters.mapping_files import tables
from holdfast.adapters.publishing.items import Items

NOW = datetime(2026, 11, 27, tzinfo=UTC)
DAYS = [NOW + timedelta(days=day) for day in range(5)]


def test_what_a_channel_sells_as_one_is_the_unit_of_orders_that_name_none() -> None:
    days = f"{DAYS[1]},{DAYS[3]}"
    items = Items(
        tables(
            {
                "m.csv": "table,theirs,ours,factor,sku,from,until\n"
                "item,1,mug,,,,\nitem,*,*,,,,\nunit,CS,,24,,,\n"
                f"unit,,,6,mug,{days}\nunit,,,2,,,\n"
            }
        ),
        NOW,
    )
    assert (2, 2) == (items.factor("1"), items.factor("cup"))

    assert items.as_of(DAYS[1])
    assert (6, 2) == (items.factor("1"), items.factor("cup"))
    items.renamed("mug", "beaker")  # orders go on to name the SKU as the table does
    assert (6, "beaker") == (items.factor("1"), items.sku("1"))

    assert items.as_of(DAYS[3])
    assert 2 == items.factor("1")


def mapped(*rows: str) -> Tables:
    return tables({"m.csv": "\n".join(["table,theirs,ours,from,until", *rows])})


def test_items_are_those_of_the_time() -> None:
    items = Items(mapped(f"item,1,mug,,{DAYS[1]}", f"item,2,mug,{DAYS[1]},", "item,3,pen,,"), NOW)

    days = (NOW, DAYS[1], DAYS[2], NOW)
    found = [(items.as_of(day), [*items.of_sku("mug")]) for day in days]
    assert [(False, ["1"]), (True, ["2"]), (False, ["2"]), (True, ["1"])] == found
    assert "1" in items
    assert "2" not in items


def test_an_item_may_stand_for_another_sku_from_a_time_on() -> None:
    items = Items(mapped(f"item,1,mug,,{DAYS[1]}", f"item,1,pen,{DAYS[1]},"), NOW)
    items.renamed("pen", "biro")

    items.as_of(DAYS[1])
    assert ("biro", ["1"], []) == (items.sku("1"), items.of_sku("biro"), items.of_sku("mug"))


def test_all_that_a_table_does_not_name_may_be_items_for_a_time() -> None:
    items = Items(mapped(f"item,*,*,,{DAYS[1]}", "item,1,mug,,"), NOW)
    assert (["cup"], ["1"]) == (items.of_sku("cup"), items.of_sku("mug"))

    assert items.as_of(DAYS[1])
    assert ([], ["1"]) == (items.of_sku("cup"), items.of_sku("mug"))


def test_a_unit_for_all_skus_makes_no_item() -> None:
    items = Items(tables({"m.csv": f"table,theirs,factor,until\nunit,*,6,{DAYS[1]}\n"}), NOW)
    assert not items.as_of(DAYS[1])
    assert (["mug"], 1) == (items.of_sku("mug"), items.factor("mug"))


@given(
    st.lists(st.tuples(st.sampled_from("12*"), st.sampled_from("abc"), st.integers(0, 3))),
    st.lists(st.sampled_from(DAYS)),
    st.sampled_from(DAYS),
)
def test_times_that_have_passed_leave_no_trace(
    rows: list[tuple[str, str, int]], passed: list[datetime], now: datetime
) -> None:
    """Items that were as of other times before are those of a process that begins now."""
    each_once = {(item, day): sku for item, sku, day in rows}
    all_rows = mapped(
        *(
            f"item,{item},{'*' if item == '*' else sku},{DAYS[day]},{DAYS[day + 1]}"
            for (item, day), sku in each_once.items()
        )
    )
    items, fresh = Items(all_rows, NOW), Items(all_rows, now)
    for day in (*passed, now):
        items.as_of(day)

    for name in "12abc":
        assert sorted(items.of_sku(name)) == sorted(fresh.of_sku(name))
        assert (items.sku(name), name in items) == (fresh.sku(name), name in fresh)
        assert (name in items) == (name in items.of_sku(items.sku(name)))
