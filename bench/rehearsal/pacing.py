"""When a user's visits are due: at a fixed interval, whatever earlier ones took.

Locust's own constant_throughput waits from when the last visit was over. A node that stalls then
delays the visits after it, and nobody counts how long they waited (coordinated omission). Here a
visit that begins late is timed from when it was due, as wrk2 does it, and what was due and did
not begin is counted.
"""


class Pacing:
    """The visits of one user. Times are numbers that the caller hands in."""

    def __init__(self, first_due: float, interval_s: float) -> None:
        self.due = first_due
        """When the visit that comes next, or is under way, was due."""
        self._interval_s = interval_s

    def next_wait_s(self, now: float) -> float:
        """Seconds until the next visit is due, which becomes the present one."""
        self.due += self._interval_s
        return max(0.0, self.due - now)

    def backlog(self, now: float) -> int:
        """How many visits are due and have not begun, of those after the present one."""
        return max(0, int((now - self.due) / self._interval_s))
