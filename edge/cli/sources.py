"""Commands on sources of stock events: sources list, get, update, reset."""

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from .auditing import Reason
from .console import (
    TIMEOUT_DEFAULT_S,
    AdminTarget,
    Json,
    RequestId,
    Timeout,
    asking_operators,
    console,
    parse_duration,
    plain,
    print_json,
)
from .paging import PAGE_SIZE, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from holdfast.admin.v1.admin_service_pb2 import Source

Name = Annotated[str, typer.Argument(metavar="SOURCE", help="Name of the source.")]

app = typer.Typer()
sources = typer.Typer(no_args_is_help=True, help="Look after sources of stock events.")
app.add_typer(sources, name="sources")


class UnknownSkus(StrEnum):
    """What events do whose SKU is unknown, as the wire names it after UNKNOWN_SKUS_."""

    NODE = "node"
    CREATE = "create"
    CREATE_BY_RECEIPT = "create-by-receipt"
    REFUSE = "refuse"
    QUARANTINE = "quarantine"


class Fallback(StrEnum):
    """What may be promised while a source is not current, as the wire names it after FALLBACK_."""

    SELL_ON = "sell-on"
    CAP = "cap"
    STOP = "stop"


@sources.command("list")
def list_sources(
    target: AdminTarget = None, timeout: Timeout = TIMEOUT_DEFAULT_S, as_json: Json = False
) -> None:
    """List all sources, with how far they have come and how many numbers are missing."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        every = whole(partial(client.list_sources, PAGE_SIZE))
    _print(every, every.sources, as_json=as_json)


@sources.command("reversals")
def list_pending_reversals(
    target: AdminTarget = None, timeout: Timeout = TIMEOUT_DEFAULT_S, as_json: Json = False
) -> None:
    """List the reversals whose events have not come."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        every = whole(partial(client.list_pending_reversals, PAGE_SIZE))
    if as_json:
        print_json(plain(every))
        return
    from . import answers

    console().print(answers.pending_reversals(every.reversals))


@sources.command("get")
def get_source(
    name: Name,
    target: AdminTarget = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Show a source and its gaps."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        answer = client.get_source(name)
    _print(answer, [answer.source], as_json=as_json)
    if not as_json and answer.source.gaps:
        from . import answers

        console().print(answers.source_gaps(answer.source))


@sources.command("update")
def update_source(
    name: Name,
    expected_interval: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="How often it sends at least: 90s, 15m, 12h; 0 for no limit."
        ),
    ] = None,
    unknown_skus: Annotated[
        UnknownSkus | None,
        typer.Option(help="What its events do if their SKU is unknown; node: as the node is set."),
    ] = None,
    fallback: Annotated[
        Fallback | None,
        typer.Option(help="What may be promised of its stock while it is stale or has gaps."),
    ] = None,
    cap: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Units held and committed at a stock level; required with --fallback cap.",
        ),
    ] = None,
    target: AdminTarget = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Change the given settings of a source, or create it."""
    if fallback is Fallback.CAP and cap is None:
        raise typer.BadParameter("--fallback cap needs --cap: how many units")
    policy = None
    if unknown_skus is not None:
        is_node = unknown_skus is UnknownSkus.NODE
        policy = "UNSPECIFIED" if is_node else unknown_skus.upper().replace("-", "_")
    with asking_operators(target, timeout, as_json=as_json) as client:
        answer = client.update_source(
            name,
            expected_interval=None
            if expected_interval is None
            else parse_duration(expected_interval),
            unknown_skus=None if policy is None else f"UNKNOWN_SKUS_{policy}",
            fallback=None if fallback is None else f"FALLBACK_{fallback.upper().replace('-', '_')}",
            cap=cap,
            allow_missing=True,
        )
    _print(answer, [answer.source], as_json=as_json)


@sources.command("reset")
def reset_source(
    name: Name,
    reason: Reason,
    last_sequence: Annotated[
        int, typer.Option("--last", metavar="N", min=0, help="The last number that counts.")
    ] = 0,
    request_id: RequestId = None,
    target: AdminTarget = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Let a source restart its numbering; its gaps are forgotten, its event ids are not."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        answer = client.reset_source(name, reason, last_sequence, request_id=request_id)
    if as_json:
        print_json(plain(answer))
        return
    was = f"it had come to {answer.previous_sequence:,}"
    typer.echo(f"{name} counts on from {last_sequence:,}; {was}.")


def _print(answer: "Message", shown: "Iterable[Source]", *, as_json: bool) -> None:
    if as_json:
        print_json(plain(answer))
        return
    from . import answers

    console().print(answers.sources(shown))
