"""What operators have ordered of adapters."""

from .store import Store


def is_paused(store: Store, adapter: str) -> bool:
    """Whether an operator has ordered that nothing of an adapter is delivered or offered."""
    with store.reading() as tables:
        return tables.controls.get(adapter.encode()) is not None
