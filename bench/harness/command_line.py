"""What the three commands of the bench share: types of arguments, and how they are stopped."""

import argparse
import asyncio
import math
import re
import signal
from collections.abc import Callable
from typing import Final

EXIT_STOPPED: Final = 130  # as shells say it of SIGINT


def whole(least: int, most: float = math.inf) -> Callable[[str], int]:
    """An argument type: a whole number from `least` to `most`, both included."""
    return lambda text: int(_between(text, int, least, most))


def number(least: float, most: float = math.inf) -> Callable[[str], float]:
    """An argument type: a number from `least` to `most`, both included."""
    return lambda text: _between(text, float, least, most)


def _between(text: str, kind: type[float], least: float, most: float) -> float:
    try:
        found = kind(text)
    except ValueError:
        found = math.nan
    if not least <= found <= most:
        limits = f"at least {least:g}" if most == math.inf else f"{least:g} to {most:g}"
        raise argparse.ArgumentTypeError(f"{text}: expected {limits}")
    return found


def address(text: str) -> str:
    """An argument type: host:port."""
    if not re.fullmatch(r"\S+:\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected host:port")
    return text


def stop_on_sigterm() -> None:
    """Cancel the running task on SIGTERM, so that servers it has started do not outlive it."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
