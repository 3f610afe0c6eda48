"""Messages that would take too long to read are refused by their bytes.

Two bytes of a message may become an object: 4 MiB of empty lines take 0.2 s of processor time to
read, in which nobody is answered. So a long message is weighed first; a short one need not be.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from holdfast.core import kernels
from holdfast.core.kernels.codes import FIELD_NUMBERS

from . import faults

#: A field weighs 1, a message in it 4. The heaviest request that is legal has 1,000 events that
#: each name 100 reservations, and some 124,000.
WEIGHT_MAX: Final = 1 << 17

#: No message up to this length weighs more: each inside it has two bytes or more.
LIGHT_BYTES: Final = WEIGHT_MAX // 2


class Scales:
    """Weighs the messages of a type, and those inside it."""

    def __init__(self, descriptor: Any) -> None:
        kinds = [descriptor]
        inner = []
        for kind in kinds:  # which grows meanwhile
            row = np.zeros(FIELD_NUMBERS, np.uint8)
            for field in kind.fields:
                if field.message_type is not None:
                    if field.message_type not in kinds:
                        kinds.append(field.message_type)
                    row[field.number] = 1 + kinds.index(field.message_type)
            inner.append(row)
        self._inner: NDArray[np.uint8] = np.concatenate([np.zeros(FIELD_NUMBERS, np.uint8), *inner])
        # No message of holdfast.v1 contains itself, so that none is deeper than there are kinds.
        self._stack = np.zeros(2 * len(kinds), np.int64)

    def __repr__(self) -> str:
        return f"<Scales for {self._stack.size // 2} kinds of messages>"

    def check(self, data: bytes) -> None:
        """Raise the `Fault` of a message that is too heavy to be read."""
        received: Any = np.frombuffer(data, np.uint8)
        if kernels.weigh_fields(received, self._inner, self._stack, WEIGHT_MAX) > WEIGHT_MAX:
            expected = f"up to {WEIGHT_MAX:,}, where a message inside it counts as 4"
            raise faults.invalid("request", f"more than {WEIGHT_MAX:,} fields", expected)
