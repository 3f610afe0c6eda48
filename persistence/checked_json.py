"""JSON with a checksum over all that it says, for the small files that name what a folder is."""

import json
from hashlib import blake2b
from typing import Any


def encode(document: dict[str, Any]) -> bytes:
    """A document with its checksum."""
    return json.dumps({**document, "checksum": _checksum(document)}).encode()


def parse(text: bytes) -> dict[str, Any]:
    """All that a document says, also what a later build wrote.

    Raises ValueError, KeyError or TypeError when it is not what was written.
    """
    document: dict[str, Any] = dict(json.loads(text))
    if document.pop("checksum") != _checksum(document):
        raise ValueError("its checksum does not match")
    return document


def _checksum(document: dict[str, Any]) -> str:
    return blake2b(json.dumps(document, sort_keys=True).encode(), digest_size=8).hexdigest()
