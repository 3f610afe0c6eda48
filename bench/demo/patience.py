"""How long it is worth waiting for those who are behind."""


class Patience:
    """Lasts so many seconds, and anew whenever less is left than ever before."""

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._since = now
        self._least: int | None = None

    def is_over(self, left: int, now: float) -> bool:
        """Whether it has lasted that long without less being left."""
        if self._least is None or left < self._least:
            self._least, self._since = left, now
        return now - self._since > self._seconds
