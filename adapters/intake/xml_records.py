"""XML as a stream of records, in bounded memory, by local names.

Attacks with entities need a document type declaration, which stands before the root element, if
anywhere. expat is asked first whether there is one, and a document that has one is refused before
it is parsed: no entity is declared, expanded or fetched. defusedxml refuses the same in its parser,
which is written in Python and half as fast (10,000 against 18,000 receipt lines a second here, bare
parsing); a test tries its list of attacks. Depth and size of a record are bounded as well.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Final
from xml.etree.ElementTree import Element, ParseError, iterparse
from xml.parsers import expat

from ..contract import Undecodable

DEPTH_MAX: Final = 64
#: Of a record; a receipt of 1,000 lines has about 20,000.
ELEMENTS_MAX: Final = 50_000
_CHUNK_BYTES: Final = 65_536
_NONE: Final = Element("none")


def records(body: bytes, root: str, record: str) -> Iterator[Element]:
    """The elements named `record` below a root named `root`, one after another, or the root itself
    when it is one. Each is emptied when the next is asked for. Raises `Undecodable`.
    """
    _refuse_declarations(body)
    depth = elements = 0
    top = _NONE
    lowest = 1
    try:
        for event, element in iterparse(BytesIO(body), ("start", "end")):  # noqa: S314
            if event == "start":
                depth += 1
                elements += 1
                if top is _NONE:
                    top = _checked_root(element, root, record)
                    lowest = 0 if local(top.tag) == record else 1
                if depth > DEPTH_MAX or elements > ELEMENTS_MAX:
                    raise _too_large(depth, elements)
                continue
            depth -= 1
            if depth <= lowest:
                if local(element.tag) == record:
                    yield element
                top.clear()
                elements = 0
    except Undecodable:
        raise
    except ParseError as error:
        raise Undecodable("XML", body[:20], f"well-formed XML: {error}") from None
    except (LookupError, ValueError) as error:
        raise Undecodable("XML", body[:60], f"an encoding that is known: {error}") from None


def local(tag: str) -> str:
    """The name of an element without its namespace."""
    return tag.rpartition("}")[2]


def children(element: Element) -> dict[str, Element]:
    """The children of an element by their local names; the first of each name."""
    found: dict[str, Element] = {}
    for each in element:
        name = each.tag.rpartition("}")[2]
        if name not in found:
            found[name] = each
    return found


def text_of(element: Element | None) -> str:
    """The text of an element, without white space around it; empty when there is none."""
    return (element.text or "").strip() if element is not None else ""


def _checked_root(element: Element, root: str, record: str) -> Element:
    name = local(element.tag)
    if name not in (root, record):
        raise Undecodable("XML", name, f"a document {root} or {record}")
    return element


def _too_large(depth: int, elements: int) -> Undecodable:
    if depth > DEPTH_MAX:
        return Undecodable("XML", f"nested {depth} deep", f"at most {DEPTH_MAX}")
    return Undecodable("XML", f"{elements} elements in a record", f"at most {ELEMENTS_MAX}")


def refuse_declaration(name: str, *_rest: object) -> None:
    """What a parser calls when a document type is declared. Raises `Undecodable`."""
    raise Undecodable("DOCTYPE", name, "no document type declaration")


class _RootSeen(Exception):  # noqa: N818
    """What stands before the root element has been read."""


def _refuse_declarations(body: bytes) -> None:
    """Raises `Undecodable` when a document type is declared."""

    def seen(*_rest: object) -> None:
        raise _RootSeen

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse_declaration
    parser.StartElementHandler = seen
    try:
        for start in range(0, len(body), _CHUNK_BYTES):
            parser.Parse(body[start : start + _CHUNK_BYTES], False)
    except Undecodable:
        raise
    except (_RootSeen, expat.ExpatError, LookupError, ValueError):
        return  # what is not well-formed is reported by the parser that reads it all
