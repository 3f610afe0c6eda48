"""What operators have ordered of adapters."""

from typing import Final

from .store import Store

#: Seconds after which one looks for what another process has put in, or ordered.
LOOK_S: Final = 0.5


def is_paused(store: Store, adapter: str) -> bool:
    """Whether an operator has ordered that nothing of an adapter is delivered or offered."""
    with store.reading() as tables:
        return tables.controls.get(adapter.encode()) is not None
