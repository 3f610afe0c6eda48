"""What a method knows about its call besides the request."""

from typing import NamedTuple


class CallContext(NamedTuple):
    """Who calls, until when, and under which ids. A tuple, because one is made for every call."""

    principal: str = ""
    """Who calls; empty as long as callers are not authenticated."""
    deadline_s: float | None = None
    """The instant of the event loop's clock until which the caller waits; None for no limit."""
    correlation: str | None = None
    """The caller's correlation id, which the journal notes with all that the call changes."""
    trace: str | None = None
    """The trace id of the caller's traceparent (https://www.w3.org/TR/trace-context/). The journal
    does not note it: tracing libraries send one with every call.
    """

    @property
    def log_id(self) -> str | None:
        """The id under which the call is logged."""
        return self.correlation or self.trace

    def is_over(self, now_s: float) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.deadline_s is not None and self.deadline_s <= now_s
