"""Commands on SKUs: skus list, admit and discard those in quarantine; skus rename and merge."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from .auditing import Actor, Reason, default_actor
from .console import (
    TIMEOUT_DEFAULT_S,
    AdminTarget,
    Json,
    RequestId,
    Target,
    Timeout,
    asking,
    asking_operators,
    console,
    plain,
    print_json,
)
from .paging import PAGE_SIZE, whole

if TYPE_CHECKING:
    from holdfast.admin.v1.admin_service_pb2 import SettleQuarantinedSkuResponse

Sku = Annotated[str, typer.Argument(metavar="SKU", help="A SKU in quarantine.")]

app = typer.Typer()
skus = typer.Typer(
    no_args_is_help=True, help="Rename and merge SKUs; admit or discard unknown ones in quarantine."
)
app.add_typer(skus, name="skus")


@skus.command("list")
def list_skus(
    target: AdminTarget = None, timeout: Timeout = TIMEOUT_DEFAULT_S, as_json: Json = False
) -> None:
    """List the SKUs in quarantine."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        every = whole(partial(client.list_quarantined_skus, PAGE_SIZE))
    if as_json:
        print_json(plain(every))
        return
    from . import answers

    console().print(answers.quarantined_skus(every.skus))


@skus.command()
def admit(
    sku: Sku,
    reason: Reason,
    actor: Actor = "",
    request_id: RequestId = None,
    target: AdminTarget = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Let what was recorded of a SKU be promised."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        decided = sku, "SKU_DECISION_ADMIT", reason, actor or default_actor()
        answer = client.settle_quarantined_sku(*decided, request_id=request_id)
    _print(answer, f"{sku} is admitted", as_json=as_json)


@skus.command()
def discard(
    sku: Sku,
    reason: Reason,
    actor: Actor = "",
    request_id: RequestId = None,
    target: AdminTarget = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """End a SKU that was a mistake; what was recorded of it stays in the journal."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        decided = sku, "SKU_DECISION_DISCARD", reason, actor or default_actor()
        answer = client.settle_quarantined_sku(*decided, request_id=request_id)
    _print(answer, f"{sku} is discarded", as_json=as_json)


@skus.command()
def rename(
    sku: Annotated[str, typer.Argument(metavar="OLD", help="The SKU, by any of its names.")],
    new_sku: Annotated[str, typer.Argument(metavar="NEW", help="What to call it.")],
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Give a SKU another name; the names that it has had stay valid."""
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.rename_sku(sku, new_sku)
    if as_json:
        print_json(plain(answer))
        return
    others = ", ".join(name for name in answer.names if name != answer.sku)
    typer.echo(f"{answer.sku} is its name now. It is known as {others}, too.")


@skus.command()
def merge(
    sku: Annotated[str, typer.Argument(metavar="FROM", help="The SKU that ends.")],
    into_sku: Annotated[str, typer.Argument(metavar="INTO", help="The SKU that goes on.")],
    target: Target = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Make one SKU of two: units and names of FROM go to INTO."""
    with asking(target, timeout, as_json=as_json) as client:
        answer = client.merge_sku(sku, into_sku)
    if as_json:
        print_json(plain(answer))
        return
    others = ", ".join(name for name in answer.names if name != answer.sku)
    typer.echo(f"{answer.on_hand} on hand went to {answer.sku}. It is known as {others}, too.")


def _print(answer: "SettleQuarantinedSkuResponse", done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(plain(answer))
    else:
        typer.echo(f"{done}." if answer.settled else "Nothing to do: it is not in quarantine.")
