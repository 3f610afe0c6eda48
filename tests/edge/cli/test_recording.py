"""Every command that records facts takes the same options, and says when a fact had no effect."""

import pytest
import typer

from holdfast.edge.cli import fact_notes
from holdfast.edge.cli.main import app
from holdfast.edge.client import BlockingClient
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1.stock_service_pb2 import StockEvent, StockEventOutcome, StockEventResult
from tests.edge.cli.commands import ask, ask_json, flat, new_id, run
from tests.edge.cli.test_words import commands_of
from tests.edge.node_process import NodeProcess
from tests.edge.raw import new_name

RECORDING = [each for each in commands_of(typer.main.get_command(app)) if each[0] == "stock"]

#: Options of all facts.
SHARED = (
    *("--source", "--event-id", "--request-id", "--sequence", "--as-of", "--reason", "--actor"),
    *("--reference", "--reference-line", "--correlation-id", "--target", "--timeout", "--json"),
)


@pytest.mark.parametrize("command", RECORDING)
def test_every_fact_takes_what_facts_have(command: tuple[str, ...]) -> None:
    page = run(*command, "--help").stdout
    assert [] == [option for option in SHARED if f" {option} " not in page]


def test_a_fact_is_recorded_with_all_that_is_said(node: NodeProcess, sku: str) -> None:
    """As the journal has it: the source's id and number are as given."""
    words = ("--source", new_name("till"), "--event-id", f"E-{sku}", "--sequence", 5)
    when, why = ("--as-of", "2026-01-02T03:04:05Z"), ("--reason", "fell", "--actor", "zoe")
    named = ("--reference", "delivery", "D-17", "--reference-line", "1", "--correlation-id", "c1")
    written_off = ("stock", "adjustment", sku, "W1", "-2")

    answer = ask_json(node, *written_off, *words, *when, *why, *named)

    assert [f"E-{sku}"] == answer["event_ids"]
    again = StockEvent(event_id=f"E-{sku}", sequence=5, sku=sku, location="W1", quantity=-2)
    again.kind = stock.STOCK_EVENT_KIND_ADJUSTMENT
    with BlockingClient(node.target) as client:
        (result,) = client.record_stock_events(words[1], [again]).results
    assert stock.STOCK_EVENT_OUTCOME_DUPLICATE == result.outcome
    journal = run("journal", node.data_dir, "--sku", sku).stdout
    for said in ("2026-01-02T03:04:05", "fell", "zoe", "delivery", "D-17", "c1"):
        assert said in journal
    numbered = ("stock", "sale", sku, "W1", 1, "--source", words[1], "--sequence", 6)
    outcomes = [ask_json(node, *numbered)["results"][0]["outcome"] for _ in range(2)]
    assert ["STOCK_EVENT_OUTCOME_APPLIED", "STOCK_EVENT_OUTCOME_DUPLICATE"] == outcomes


def test_what_was_recorded_is_undone_by_its_id(node: NodeProcess, sku: str) -> None:
    """As it was given, or as it was printed."""
    event_id = new_id()
    ask_json(node, "stock", "receipt", sku, "W1", 5, "--event-id", event_id)
    of_two = ("stock", "receipt", sku, "W1", 2, f"{sku}-b", "W1", 1, "--request-id", new_id())
    first, _ = ask_json(node, *of_two)["event_ids"]
    for undone, units, left in ((event_id, 5, 12), (first, 2, 10)):
        words = ("stock", "reverse", sku, "W1", units, "--event", undone, "--kind", "receipt")
        (result,) = ask_json(node, *words)["results"]
        assert ("STOCK_EVENT_OUTCOME_APPLIED", left) == (result["outcome"], result["on_hand"])


def test_a_fact_without_effect_is_explained_and_ends_with_3(node: NodeProcess, sku: str) -> None:
    """For people and for programs."""
    posted = ("stock", "posted", sku, "W1", 1, "--reservation", "nobody's")
    told = ask(node, *posted)
    assert 3 == told.exit_code
    assert "reservation nobody's is not known" in told.stderr
    assert "The fact had no effect." in told.stderr
    assert 3 == ask(node, *posted, "--json").exit_code
    ask_json(node, "stock", "sale", sku, "W1", 1, "--request-id", "R")
    some = ask(node, "stock", "sale", sku, "W1", 2, f"{sku}-b", "W1", 1, "--request-id", "R")
    assert 3 == some.exit_code
    assert "1 of 2 facts had no effect." in some.stderr
    assert "quantity was 1 and is now 2" in some.stderr


@pytest.mark.parametrize("name", StockEventOutcome.keys()[1:])
def test_every_outcome_without_effect_has_words(name: str) -> None:
    outcome = StockEventOutcome.Value(name)
    result = StockEventResult(outcome=name, possible=1)
    found = fact_notes.notes([StockEvent(sku="S", location="L", quantity=2)], [result])
    is_quiet = outcome in (stock.STOCK_EVENT_OUTCOME_APPLIED, stock.STOCK_EVENT_OUTCOME_DUPLICATE)
    assert is_quiet == (found == [])
    assert outcome in fact_notes.RECORDED or found


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("sale", "S", "W1", 1, "T", "W1", 1, "--event-id", "E"), "--event-id is of one line"),
        (("sale", "S", "W1", 1, "T", "W1", 1, "--sequence", 1), "--sequence is of one line"),
        (("sale", "S", "W1", 1, "--event-id", "E", "--request-id", "R"), "not both"),
        (("sale", "S", "W1", 1, "--reference-line", "1"), "needs --reference"),
        (
            ("receipt", "S", "W1", 1, "--document", "D", "--reference", "order", "O"),
            "a fact names one",
        ),
        (("adjustment", "S", "W1", -1, "--reference", "-", "-1", "-x"), "No such option: -x"),
        (
            ("adjustment", "S", "W1", 1, "T", "W1", -1, "--status", "damaged"),
            "units found and units written off",
        ),
        (("count", "S", "W1", 1, "--seen", "r1"), "--seen needs --books"),
    ],
)
def test_what_a_fact_cannot_say_is_refused_at_once(
    words: tuple[object, ...], expected: str
) -> None:
    result = run("stock", *words)

    assert 2 == result.exit_code
    assert expected in flat(result.stderr)


def test_a_watch_goes_on_after_a_response(node: NodeProcess, sku: str) -> None:
    """Which is given as it was printed; what is none is refused at once."""
    for wrong in ("x", "[]", "{}", '{"revisions": [{"shard": "x"}]}', '{"revisions": [1]}'):
        refused = run("watch", "--after", wrong)
        assert (2, True) == (refused.exit_code, "expected a line that" in flat(refused.stderr))
    other = '{"revisions": [{"shard": 0, "sequence": 1, "timeline": 7}]}'
    answered = run("watch", sku, "--after", other, "--target", node.target)
    assert "is of timeline 7, of another data directory" in flat(answered.stderr)
