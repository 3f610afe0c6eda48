"""A correlation id in a form that metadata can carry, whatever text it is.

Metadata carries printable ASCII (gRPC over HTTP/2, "ASCII-Value"), and a node logs up to 128
characters of it. So printable ASCII travels as it is; every other character as the bytes of its
UTF-8, each as % and two hexadecimal digits (RFC 3986), and so does a space at either end, which
HTTP would drop. What is then longer than 128 characters is cut to 95, followed by ~ and the first
32 hexadecimal digits of the SHA-256 of the whole, so that long ids stay apart.
"""

from hashlib import sha256
from typing import Final, TypeAlias

from .parameters import wrong_type

KEY: Final = "x-correlation-id"

#: Characters that a node takes.
LENGTH_MAX: Final = 128
DIGEST_DIGITS: Final = 32

Metadata: TypeAlias = tuple[tuple[str, str], ...] | None


def metadata_of(correlation_id: str | None) -> Metadata:
    """The metadata that carries a correlation id; None without one, or if it is empty.

    Raises TypeError if it is not text.
    """
    if correlation_id is None:
        return None
    if not isinstance(correlation_id, str):
        raise wrong_type("correlation_id", correlation_id, "text")
    return ((KEY, carried(correlation_id)),) if correlation_id else None


def carried(correlation_id: str) -> str:
    """What a node receives of a correlation id, and keeps."""
    return _shortened(_printable(correlation_id))


def _printable(text: str) -> str:
    inner = text.strip(" ")
    if inner == text and text.isascii() and text.isprintable():
        return text
    start = len(text) - len(text.lstrip(" "))
    end = start + len(inner)
    return "".join(
        each if " " <= each <= "~" and start <= position < end else _escaped(each)
        for position, each in enumerate(text)
    )


def _escaped(character: str) -> str:
    # Lone surrogates too: a name of a file that is not UTF-8 must not fail a call.
    return "".join(f"%{byte:02X}" for byte in character.encode(errors="surrogatepass"))


def _shortened(text: str) -> str:
    if len(text) <= LENGTH_MAX:
        return text
    digest = sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]
    return f"{text[: LENGTH_MAX - DIGEST_DIGITS - 1]}~{digest}"
