"""Bodies of HTTP requests, read within bounds of length and time.

Rules of this file: whoever sends a body has proved nothing yet, so nobody holds a connection by
sending it slowly, nor memory by sending much.
"""

import asyncio
from typing import Final

from starlette.requests import Request

#: Seconds for a body, and how many bytes earn one more: as `RequestReadTimeout body=20,MinRate`
#: of Apache's mod_reqtimeout, with a rate that a mobile connection keeps.
BODY_S: Final = 20.0
BODY_BYTES_A_S: Final = 4_096


class BodyTooLong(Exception):  # noqa: N818 - says what happened
    """A body has more bytes than are taken."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"the body has more than {bytes_max:,} bytes")


class BodyLate(Exception):  # noqa: N818 - says what happened
    """A body does not come, or too slowly. What comes of it yet would be no request: the connection
    has to end.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"the body does not come: {size:,} bytes of it did")


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The body, read no further than its bound. Raises BodyTooLong, BodyLate, ClientDisconnect."""
    body = bytearray()
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(began + body_seconds(0)) as limit:
            async for part in request.stream():
                body += part
                if len(body) > bytes_max:
                    raise BodyTooLong(bytes_max)
                limit.reschedule(began + body_seconds(len(body)))
    except TimeoutError as error:
        raise BodyLate(len(body)) from error
    return bytes(body)


def body_seconds(size: int) -> float:
    """Seconds that a body has of which so many bytes are there."""
    return BODY_S + size / BODY_BYTES_A_S
