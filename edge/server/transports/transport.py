"""What endpoints are served through: a server in this process, or fronts."""

from typing import Protocol


class Transport(Protocol):
    """What endpoints are served through."""

    @property
    def restarts(self) -> int:
        """How many of its processes have ended and were started again."""

    async def start(self) -> int:
        """Listen, and return the port. Raises OSError when the address is taken."""

    def set_serving(self, *, is_serving: bool) -> None:
        """Let the health service say so."""

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and wait that long for those under way."""
