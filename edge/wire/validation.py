"""The form of single values: names, counts, quantities, durations, members of enums.

Rules of this file: it sees values and the paths of their fields, not messages or commands. A failed
check raises or returns the `Fault` that names the path, the value and what was expected.
`check_...` raises; `is_...` with `bad_...` is for loops, where building the path of every field of
every line would cost more than the check.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar
from unicodedata import category, is_normalized, normalize

from google.protobuf.duration_pb2 import Duration
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.core.limits import (
    HOLD_MS_MAX,
    HOLD_MS_MIN,
    NAME_BYTES_MAX,
    NS_PER_MS,
    NS_PER_S,
)

from .faults import Fault, invalid

#: The greatest time that fits an int64 in nanoseconds since 1970: in the year 2262.
TIME_S_MAX: Final = (2**63 - 1) // NS_PER_S

#: Characters of a correlation id. A longer one is not taken: it would be written with every line.
CORRELATION_ID_MAX: Final = 128

#: Unicode categories of invisible characters: control and format characters (byte order marks,
#: zero-width spaces, direction overrides), line and paragraph separators.
UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})

#: Invisible as well, though of other categories: the rest of Default_Ignorable_Code_Point in
#: Unicode's DerivedCoreProperties.txt (fillers, variation selectors).
IGNORABLE: Final = frozenset(
    chr(code)
    for first, last in (
        *((0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
        *((0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF)),
    )
    for code in range(first, last + 1)
)

#: Zero-width joiners, without which text for people cannot be written in some scripts.
JOINERS: Final = frozenset("\u200c\u200d")

Member = TypeVar("Member")


def time_ns(path: str, time: Timestamp) -> int:
    """A time in nanoseconds since 1970; from the year 1678 to 2262, so that they fit an int64.
    Raises a `Fault`.
    """
    seconds, nanos = time.seconds, time.nanos
    if not 0 <= nanos < NS_PER_S or not -TIME_S_MAX <= seconds < TIME_S_MAX:
        raise invalid(path, f"{seconds} s and {nanos} ns", "a time from the year 1678 to 2262")
    return seconds * NS_PER_S + nanos


def is_name(text: str) -> bool:
    """Whether a text can be a name or an id: 1 to 128 bytes of UTF-8 in NFC, without invisible
    characters and without white space other than U+0020 within.
    """
    # Characters are counted first, so that a text of megabytes is refused without being encoded.
    if not 0 < len(text) <= NAME_BYTES_MAX:
        return False
    if text.isascii():  # one byte a character, and what is not printable is a control character
        return text.isprintable() and text[0] != " " != text[-1]
    return (
        len(text.encode()) <= NAME_BYTES_MAX
        and _FOREIGN_TO_NAMES.isdisjoint(text)
        and text[0] != " " != text[-1]
        and is_normalized("NFC", text)
    )


def first_bad_name(texts: Sequence[str]) -> int | None:
    """The index of the first text that is no name, or None. Many are judged together: one by one
    they take longer than what is done with them.
    """
    for start in range(0, len(texts), _JUDGED_TOGETHER):
        piece = texts[start : start + _JUDGED_TOGETHER]
        if not _are_names(piece):
            for index, text in enumerate(piece, start):
                if not is_name(text):
                    return index
    return None


def _are_names(texts: Sequence[str]) -> bool:
    """Whether texts are seen at once to be names, as most are."""
    joined = " ".join(texts)
    # Two spaces stand where a text is empty or has one at an end; no text joins another across one.
    if "  " in joined or joined[:1] in ("", " ") or joined[-1:] == " ":
        return False
    if joined.isascii():
        return joined.isprintable() and max(map(len, texts)) <= NAME_BYTES_MAX
    sizes = (len(text.encode()) for text in texts)
    return (
        max(sizes) <= NAME_BYTES_MAX
        and _FOREIGN_TO_NAMES.isdisjoint(joined)
        and is_normalized("NFC", joined)
    )


def bad_name(field: str, text: str) -> Fault:
    """The fault of a text that is not a name."""
    expected = _wrong_with(text, _is_foreign_to_names)
    assert expected is not None, text
    return invalid(field, text, expected)


def check_name(field: str, text: str) -> None:
    """Raise a `Fault` when a text is not a name."""
    if not is_name(text):
        raise bad_name(field, text)


def is_correlation_id(text: str) -> bool:
    """Whether a text can be the value of x-correlation-id, and stand in a log."""
    return 0 < len(text) <= CORRELATION_ID_MAX and text.isascii() and text.isprintable()


def check_correlation_id(field: str, text: str) -> None:
    """Raise a `Fault` when a text is neither empty nor a correlation id."""
    if text and not is_correlation_id(text):
        raise invalid(field, text, f"up to {CORRELATION_ID_MAX} printable ASCII characters")


def check_text(field: str, text: str) -> None:
    """Raise a `Fault` when a text is not fit to be shown to people. Unlike a name, it may be
    empty, and have joiners, variation selectors and spaces of every width within.
    """
    if text and (expected := _wrong_with(text, _is_foreign_to_text)):
        raise invalid(field, text, expected)


def _is_foreign_to_names(character: str) -> bool:
    kind = category(character)
    return kind in UNSEEN or (kind == "Zs" and character != " ") or character in IGNORABLE


#: The characters that are foreign to names; there are none in the planes between, and after.
_FOREIGN_TO_NAMES: Final = frozenset(
    filter(_is_foreign_to_names, map(chr, (*range(0x20000), *range(0xE0000, 0xE1000))))
)

#: Texts that are judged together.
_JUDGED_TOGETHER: Final = 256


def _is_foreign_to_text(character: str) -> bool:
    return category(character) in UNSEEN and character not in JOINERS


def _wrong_with(text: str, is_foreign: Callable[[str], bool]) -> str | None:
    """What would be right instead of a text, or None when it is right."""
    size = len(text.encode())
    if not 0 < size <= NAME_BYTES_MAX:
        return f"1 to {NAME_BYTES_MAX} bytes of UTF-8, not {size:,}"
    for character in filter(is_foreign, text):
        named = unicodedata.name(character, "a control character")
        return f"text without U+{ord(character):04X} ({named}){_such_as(text, is_foreign, repr)}"
    if text != text.strip():
        return f"text without white space at its ends{_such_as(text, is_foreign, repr)}"
    if not is_normalized("NFC", text):
        # Escaped, because the two look the same.
        how = "text in Unicode normalization form C (NFC)"
        return f"{how}{_such_as(text, is_foreign, ascii)}"
    return None


def _such_as(text: str, is_foreign: Callable[[str], bool], quote: Callable[[str], str]) -> str:
    """The text that the sender probably meant, for the end of a sentence."""
    seen = (
        " " if is_foreign(character) and character.isspace() else character
        for character in text
        if character.isspace() or not is_foreign(character)
    )
    meant = normalize("NFC", "".join(seen)).strip()
    return f", such as {quote(meant)}" if meant else ""


def check_count(field: str, count: int, count_min: int, count_max: int) -> None:
    """Raise a `Fault` when a repeated field has too few or too many items."""
    if not count_min <= count <= count_max:
        raise invalid(field, f"{count:,} items", f"{count_min} to {count_max:,} items")


def hold_ms(duration: Duration) -> int:
    """A hold duration in milliseconds. Raises a `Fault` when it is out of range or not exact."""
    seconds, nanos = duration.seconds, duration.nanos
    ms, rest = divmod(seconds * NS_PER_S + nanos, NS_PER_MS)
    # The wire may carry nanos outside 0 to 999,999,999, which the sum would turn into seconds.
    if rest or not HOLD_MS_MIN <= ms <= HOLD_MS_MAX or not 0 <= nanos < NS_PER_S:
        text = f"{seconds} s and {nanos} ns" if nanos else f"{seconds} s"
        raise invalid("hold_duration", text, "1 second to 30 days, in whole milliseconds")
    return ms


def interval_ms(field: str, duration: Duration, most_ms: int) -> int:
    """An interval in milliseconds, 0 for none. Raises a `Fault` when it is out of range or not
    exact.
    """
    seconds, nanos = duration.seconds, duration.nanos
    ms, rest = divmod(seconds * NS_PER_S + nanos, NS_PER_MS)
    if rest or not 0 <= ms <= most_ms or not 0 <= nanos < NS_PER_S:
        text = f"{seconds} s and {nanos} ns" if nanos else f"{seconds} s"
        most_days = most_ms // (24 * 3_600 * 1_000)
        raise invalid(field, text, f"0 to {most_days} days, in whole milliseconds")
    return ms


def enum_member(
    field: str, value: int, members: Mapping[int, Member], names: EnumTypeWrapper
) -> Member:
    """The engine's member for a value of an enum. Raises a `Fault` for a value that it lacks, as a
    caller of a later version may send.
    """
    try:
        return members[value]
    except KeyError:
        expected = " or ".join(names.Name(number) for number in members if number)
        # A value of a later version has no name here: the number has to do.
        given = names.Name(value) if value in names.values() else value
        raise invalid(field, given, expected) from None
