"""The seal: a digest of the state that replay has to come to."""

from ..shard import Shard
from ..state_bytes import digest
from ..table import Array


class StateMismatchError(Exception):
    """Replay came to another state than the node that wrote the journal."""

    def __init__(self, shard: int, sequence: int) -> None:
        super().__init__(
            f"shard {shard}: the state after entry {sequence} is not what the journal sealed"
        )


def apply_seal(shard: Shard, effects: Array) -> None:
    """Compare the state with the digest that was taken of it before this entry. Raises
    StateMismatchError.
    """
    expected = (int(effects[0]["digest_hi"]), int(effects[0]["digest_lo"]))
    if digest(shard) != expected:
        raise StateMismatchError(shard.number, shard.sequence)
