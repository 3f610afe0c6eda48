"""Commands on the audit of a node and on what it finds: audit, repair."""

from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .console import (
    EXIT_FAILED,
    TIMEOUT_DEFAULT_S,
    AdminTarget,
    Json,
    RequestId,
    Timeout,
    amount,
    asking_operators,
    console,
    plain,
    print_json,
)

if TYPE_CHECKING:
    from holdfast.admin.v1.admin_service_pb2 import RunAuditResponse

#: A large state takes some seconds.
AUDIT_TIMEOUT_DEFAULT_S: Final = 120.0

app = typer.Typer()

Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the journal.")]
Actor = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Who decides it; kept in the journal. Default: the user of this machine.",
        show_default=False,
    ),
]


@app.command()
def audit(
    target: AdminTarget = None,
    timeout: Timeout = AUDIT_TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Let a node audit its tables now. Fails when figures disagree or a level is in quarantine."""
    with asking_operators(target, timeout, as_json=as_json) as client:
        answer = client.run_audit()
    if as_json:
        print_json(plain(answer))
    else:
        _tell(answer)
    if answer.disagreement_count or answer.quarantined_count:
        raise typer.Exit(EXIT_FAILED)


def _tell(answer: "RunAuditResponse") -> None:
    from . import answers

    levels = amount(answer.stock_levels, "stock level")
    typer.echo(f"Audited: {levels} and {amount(answer.reservations, 'reservation')}.")
    if answer.disagreements:
        console().print(answers.disagreements(answer.disagreements))
    if more := answer.disagreement_count - len(answer.disagreements):
        typer.echo(f"Figures that do not agree besides these: {more:,}.")
    if answer.quarantined_count:
        names = ", ".join(f"{each.sku} at {each.location}" for each in answer.quarantined_levels)
        is_all = answer.quarantined_count == len(answer.quarantined_levels)
        typer.echo(f"In quarantine: {names}{'' if is_all else ' and others'}.")
        typer.echo("See what a repair would do: holdfast repair --dry-run", err=True)
    elif not answer.disagreement_count:
        typer.echo("All figures agree.")


@app.command()
def repair(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="SKU LOCATION", help="Stock levels; default: all in quarantine."),
    ] = None,
    reason: Reason = "",
    actor: Actor = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it would do, and change nothing.")
    ] = False,
    request_id: RequestId = None,
    target: AdminTarget = None,
    timeout: Timeout = TIMEOUT_DEFAULT_S,
    as_json: Json = False,
) -> None:
    """Repair stock levels in quarantine by their reservations and statuses."""
    levels = parse_levels(words or [])
    if not reason and not dry_run:
        raise typer.BadParameter("say why with --reason, or look first with --dry-run")
    with asking_operators(target, timeout, as_json=as_json) as client:
        answer = client.repair_stock_levels(
            reason or "dry run",
            actor or default_actor(),
            levels,
            validate_only=dry_run,
            request_id=request_id,
        )
    if as_json:
        print_json(plain(answer))
        return
    from . import answers

    if not answer.repairs:
        typer.echo("Nothing is in quarantine.")
        return
    console().print(answers.repairs(answer.repairs, is_dry_run=dry_run))
    if answer.has_more:
        typer.echo("More levels are in quarantine: repeat the command.", err=True)


def default_actor() -> str:
    """The user of this machine, or a word for nobody in particular."""
    try:
        return getuser()
    except (OSError, KeyError):  # a container may have none
        return "cli"


def parse_levels(words: list[str]) -> list[tuple[str, str]]:
    """Stock levels of SKU and location. Raises typer.BadParameter."""
    if len(words) % 2:
        raise typer.BadParameter(f"a level is SKU LOCATION: {' '.join(words)!r} is incomplete")
    return list(zip(words[::2], words[1::2], strict=True))
