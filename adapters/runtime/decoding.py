"""What waits for delivery, decoded: the oldest messages of an inbox as a page.

To decode the next page while the core has this one was no faster on two busy cores: the thread that
decodes and the loop hand the interpreter to each other, and each time wait for a core.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ..contract import Adapter, Undecodable
from ..intake import cloudevents
from .inbox import Inbox
from .records import Waiting

#: Messages of a page, and bytes of them: enough for full calls to the core, each of which takes
#: what one source says. Of 300 tills that came back, a receipt took 670 to 880 us of the node's
#: processor with 500 messages, and 470 to 600 with 2,000. With 1 MiB instead of 4, a fact in long
#: messages took a tenth more of the adapters'.
MESSAGES_MAX: Final = 2_000
BYTES_MAX: Final = 4 << 20

#: Bytes of a page that is decoded on the loop, in some milliseconds.
AT_ONCE_BYTES: Final = 16_384


#: A message, with what it says and the errors of what cannot be understood in their places.
Decoded = tuple[Waiting, Sequence[Any]]


class Decoding:
    """The decoding of one adapter's messages."""

    def __init__(
        self, inbox: Inbox, adapter: Adapter, options: Any, body_bytes_max: int | None
    ) -> None:
        """`body_bytes_max` is of messages that no door, cut or page has bounded."""
        self._inbox = inbox
        self._adapter = adapter
        self._options = options
        self._body_bytes_max = body_bytes_max

    async def page(self, messages_max: int = MESSAGES_MAX) -> Sequence[Decoded]:
        """The oldest messages. A long page is decoded on a thread, where the interpreter gives the
        loop its turns meanwhile.
        """
        waiting = self._inbox.head(messages_max, BYTES_MAX)
        if sum(len(each.message.body) for each in waiting) <= AT_ONCE_BYTES:
            return self._decoded(waiting)
        return await asyncio.to_thread(self._decoded, waiting)

    def _decoded(self, waiting: Sequence[Waiting]) -> list[Decoded]:
        return [(each, list(self._decode(each))) for each in waiting]

    def _decode(self, waiting: Waiting) -> Iterator[Any]:
        size = len(waiting.message.body)
        try:
            if self._body_bytes_max is not None and size > self._body_bytes_max:
                yield Undecodable("body", size, f"up to {self._body_bytes_max} bytes")
            elif waiting.is_event:
                yield cloudevents.from_json(waiting.message.body)
            else:
                yield from self._adapter.decode(waiting.message, self._options)
        except Exception as error:  # noqa: BLE001 - an adapter's defect must not stop the others
            yield error
