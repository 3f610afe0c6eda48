"""What all commands of `holdfast` share: the node they ask, what they print, how they fail.

Rules of this file: output for people goes through rich, output for programs (--json) is one JSON
object per line; both on stdout, progress and errors on stderr. The exit code tells a refusal from a
failure and from a wrong command line. Libraries that are slow to import are imported where they are
used: a client command should be as fast as its call.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from rich.console import Console

    from ..client import BlockingClient, HoldfastError

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2  # typer's own, for a command line that is wrong
EXIT_REFUSED: Final = 3

#: At the end of every help page.
EXIT_CODES: Final = (
    f"Exit codes: 0 done, {EXIT_FAILED} failed, {EXIT_USAGE} wrong command line, "
    f"{EXIT_REFUSED} refused."
)

#: Columns of a table that goes into a file or a pipe, which have no width of their own.
WIDTH_WITHOUT_TERMINAL: Final = 120

TARGET_METAVAR: Final = "HOST:PORT"

#: What most commands have to be repeated with when no answer came.
SAME_IDS: Final = "the same ids"

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Target = Annotated[
    str | None,
    typer.Option(
        metavar=TARGET_METAVAR,
        help="Node to ask. Default: grpc_address of the settings, else 127.0.0.1:50051.",
        show_default=False,
    ),
]
AdminTarget = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar=TARGET_METAVAR,
        help="Node to ask. Default: admin_address of the settings, else 127.0.0.1:50052.",
        show_default=False,
    ),
]
RequestId = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Your id for this command: repeating it has no further effect.",
        show_default=False,
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0.001,
        max=86_400,
        help="How long to wait for the answer.",
    ),
]
TIMEOUT_DEFAULT_S: Final = 5.0


# The node to ask


@contextmanager
def asking(
    target: str | None,
    timeout_s: float,
    *,
    as_json: bool,
    same: str = SAME_IDS,
    retries: bool = False,
) -> "Iterator[BlockingClient]":
    """Yield a client of the node. A call that fails ends the command with a sentence and advice.

    `same` is what makes a repeat safe when no answer came. Without `retries`, because whoever types
    a command wants to know now that there is no node.
    """
    target = default_target() if target is None else target
    options: dict[str, Any] = {"target": target} if retries else {"target": target, "retries": None}
    with _asking(options, target, timeout_s, as_json=as_json, same=same) as client:
        yield client


@contextmanager
def asking_operators(
    target: str | None, timeout_s: float, *, as_json: bool
) -> "Iterator[BlockingClient]":
    """Yield a client of the node's listener for operators, as `asking` does."""
    target = default_target("admin_address") if target is None else target
    options = {"admin_target": target, "retries": None}
    with _asking(options, target, timeout_s, as_json=as_json) as client:
        yield client


@contextmanager
def _asking(
    where: dict[str, Any], target: str, timeout_s: float, *, as_json: bool, same: str = SAME_IDS
) -> "Iterator[BlockingClient]":
    from ..client import BlockingClient, HoldfastError

    options: dict[str, Any] = {"timeout_s": timeout_s, **where}
    try:
        with BlockingClient(**options) as client:
            yield client
    except HoldfastError as error:
        fail_call(error, target, as_json=as_json, same=same)


def default_target(setting: str = "grpc_address") -> str:
    """Where the node of the settings listens, or the client's default when nothing sets it."""
    from ..client import ADMIN_TARGET, TARGET

    # Importing the settings takes longer than most calls, and mostly there are none.
    variables = ("HOLDFAST_CONFIG", f"HOLDFAST_{setting.upper()}")
    is_set = any(os.environ.get(name) for name in variables)
    if not is_set and not Path("holdfast.toml").exists():
        return TARGET if setting == "grpc_address" else ADMIN_TARGET
    from ..server.settings import ConfigError, load_settings

    try:
        return reachable(getattr(load_settings(), setting))
    except ConfigError as error:
        fail(str(error))


def reachable(address: str) -> str:
    """The address to connect to for an address to listen on: "all interfaces" is no destination."""
    host, _, port = address.rpartition(":")
    loopback = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - compared, not bound
    return f"{loopback.get(host, host)}:{port}"


# Failing


def fail(sentence: str, advice: str = "", exit_code: int = EXIT_FAILED) -> NoReturn:
    """Print what is wrong, in red, then what to do, and end the command."""
    typer.secho(sentence, fg="red", err=True)
    if advice:
        typer.echo(advice, err=True)
    raise typer.Exit(exit_code)


def fail_call(
    error: "HoldfastError", target: str, *, as_json: bool, same: str = SAME_IDS
) -> NoReturn:
    """Print why a call failed, with --json also as an object, and end the command."""
    if as_json:
        known = {"code": error.code.name, "reason": error.reason, "message": error.message}
        print_json({"error": {**known, "metadata": dict(error.metadata)}})
    sentence, advice = _explained(error, target, same)
    fail(sentence, advice)


def _explained(error: "HoldfastError", target: str, same: str) -> tuple[str, str]:
    from ..client import DeadlineExceeded, Overloaded, Unavailable

    match error:
        case Unavailable() if not error.reason:
            advice = "Start one with `holdfast serve`, or choose another with --target HOST:PORT."
            return f"No node answers at {target}.", advice
        case DeadlineExceeded() if not error.reason:
            advice = f"The command may have taken effect. Repeat it with {same} to find out."
            return f"The node at {target} did not answer in time.", advice
        case Unavailable() | Overloaded():
            return f"Not now: {error.message}.", ""
        case _ if error.reason:
            return f"Not done: {error.message}.", _ADVICE.get(error.reason, "")
        case _:
            advice = f"Is {target} the gRPC address of a Holdfast node?"
            return f"{error.code.name}: {error.message}", advice


#: Reason of an error -> the command that helps, where there is one.
_ADVICE: Final = {
    "UNKNOWN_SKU": "Record stock with: holdfast stock receipt SKU LOCATION QUANTITY",
    "UNKNOWN_LOCATION": "Create it with: holdfast location put LOCATION",
}


# Reading arguments

LINES_HELP: Final = "One or more lines of three words: SKU LOCATION QUANTITY."


def amount(number: int, noun: str) -> str:
    """A number of something, as text has it: "1 entry", "2,000 entries"."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def parse_instant(text: str) -> datetime:
    """An instant as RFC 3339 has it. Raises typer.BadParameter."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        expected = "a time with its offset from UTC, such as 2026-11-26T22:00:00Z"
        raise typer.BadParameter(f"{text!r} is not {expected}")
    return at


def parse_day(text: str) -> datetime:
    """The start of a day in UTC, as RFC 3339 has it. Raises typer.BadParameter."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date such as 2026-12-24") from None


def parse_lines(words: list[str]) -> list[tuple[str, str, int]]:
    """Lines of SKU, location and quantity. Raises typer.BadParameter."""
    if len(words) % 3:
        given = " ".join(words)
        raise typer.BadParameter(f"a line is SKU LOCATION QUANTITY: {given!r} is incomplete")
    return [
        (sku, location, _quantity(text))
        for sku, location, text in zip(words[::3], words[1::3], words[2::3], strict=True)
    ]


#: Digits that fit any message.
QUANTITY_DIGITS_MAX: Final = 18


def _quantity(text: str) -> int:
    digits = text[1:] if text[:1] in ("-", "+") else text
    # int() would also take "1_0" and digits of other scripts. The node judges the range.
    if not (digits.isascii() and digits.isdigit()):
        raise typer.BadParameter(f"a quantity is a whole number of units, not {text!r}")
    if len(digits) > QUANTITY_DIGITS_MAX:
        expected = f"a whole number of {QUANTITY_DIGITS_MAX} digits at most"
        raise typer.BadParameter(f"a quantity is {expected}, not {text!r}")
    return int(text)


#: Far beyond what a node takes, and no more than a message carries.
DURATION_S_MAX: Final = 10_000_000_000

_UNIT_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def parse_duration(text: str) -> float:
    """Seconds of a duration like 90, 90s, 15m, 12h or 30d. Raises typer.BadParameter."""
    number = text.rstrip("dhms")
    unit = _UNIT_SECONDS.get(text[len(number) :] or "s")
    is_number = number.isascii() and number.isdigit() and len(number) <= 12
    if unit is None or not is_number or int(number) * unit > DURATION_S_MAX:
        raise typer.BadParameter(f"a duration is like 90s, 15m, 12h or 30d, not {text!r}")
    return int(number) * unit


# Printing


def console(*, stderr: bool = False) -> "Console":
    """The console that tables are printed on."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # rich would fold lines at 80 columns in a pipe, which breaks grep and awk.
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, highlight=False, soft_wrap=not stream.isatty())


def print_json(document: object) -> None:
    """Print a JSON object on one line."""
    typer.echo(json.dumps(document, ensure_ascii=False))


def plain(message: "Message") -> dict[str, Any]:
    """A message as JSON: numbers as numbers, enums by name, times as text, columns as lists.

    protobuf's own JSON has int64 as text, which is no help to a shell script.
    """
    document = {}
    for field in message.DESCRIPTOR.fields:
        if field.has_presence and not message.HasField(field.name):
            continue  # absent, which is not the same as 0
        value = getattr(message, field.name)
        is_list = not isinstance(value, (str, bytes)) and hasattr(value, "__len__")
        document[field.name] = (
            [_plain_value(field, each) for each in value] if is_list else _plain_value(field, value)
        )
    return document


def _plain_value(field: Any, value: Any) -> Any:
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    if field.message_type is None:
        return list(value) if isinstance(value, bytes) else value
    if field.message_type.file.package == "google.protobuf":
        return value.ToJsonString()
    return plain(value)
