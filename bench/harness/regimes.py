"""How packed messages are sent, and what a kind of load came to."""

from dataclasses import dataclass, field

from .load import Load


@dataclass(frozen=True, slots=True)
class Regime:
    """How much travels in one message, and how many messages ahead of their answers."""

    size: int
    in_flight: int
    messages: int
    """Of each kind, one after the other."""
    bar: float | None = None
    """Operations a second."""

    @property
    def key(self) -> str:
        """Its name for programs."""
        return f"{self.size}x{self.in_flight}"

    @property
    def name(self) -> str:
        """Its name for people."""
        return f"{self.size:,} by {self.in_flight}"


@dataclass(slots=True)
class Total:
    """What one kind of load came to in one round."""

    operations: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)

    def add(self, load: Load, operations: int, cpu_s: float) -> None:
        """Add a stretch."""
        self.operations += operations
        self.seconds += load.seconds
        self.cpu_s += cpu_s
        self.latencies_s += load.latencies_s

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time of the node for an operation."""
        return self.cpu_s / self.operations * 1e6
