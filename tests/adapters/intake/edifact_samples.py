"""Interchanges of EDIFACT for tests: made up, with envelopes that count."""

from collections.abc import Sequence


def message(code: str, *segments: str, reference: str = "ME1") -> list[str]:
    """A message with its envelope."""
    header = f"UNH+{reference}+{code}:D:96A:UN:EAN004"
    return [header, *segments, f"UNT+{len(segments) + 2}+{reference}"]


def interchange(*messages: Sequence[str], unb: str = "", end: str = "'") -> bytes:
    """An interchange of messages."""
    header = unb or "UNB+UNOC:3+WMS:14+HOLD:14+261126:1655+IC7"
    body = [header, *(segment for each in messages for segment in each)]
    body.append(f"UNZ+{len(messages)}+IC7")
    return "".join(segment + end for segment in body).encode("latin-1")


def one(code: str, *segments: str, unb: str = "", end: str = "'") -> bytes:
    """An interchange of one message."""
    return interchange(message(code, *segments), unb=unb, end=end)
