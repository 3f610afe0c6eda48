"""What effects do to the state, live and in replay alike."""

from .reservations import apply_reservations, keep_shipments
from .seal import StateMismatchError
from .sections import apply, replay
from .stock import apply_stock

__all__ = [
    "StateMismatchError",
    "apply",
    "apply_reservations",
    "apply_stock",
    "keep_shipments",
    "replay",
]
