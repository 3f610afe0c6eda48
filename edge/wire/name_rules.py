"""Names and texts: what they may be, and what is wrong with one that may not.

Rules of this file: it sees text alone and rests on nothing but its limit, so that the command line
can judge a file without the engine.
"""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Final
from unicodedata import category, is_normalized, normalize

from holdfast.core.limits import NAME_BYTES_MAX

#: Unicode categories of invisible characters: control and format characters (byte order marks,
#: zero-width spaces, direction overrides), line and paragraph separators.
UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})

#: Invisible as well, though of other categories: the rest of Default_Ignorable_Code_Point in
#: Unicode's DerivedCoreProperties.txt (fillers, variation selectors, what is reserved for more of
#: them), and the blank among the braille patterns.
IGNORABLE: Final = frozenset(
    chr(code)
    for first, last in (
        *((0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
        *((0x2065, 0x2065), (0x2800, 0x2800), (0x3164, 0x3164), (0xFE00, 0xFE0F)),
        *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF)),
    )
    for code in range(first, last + 1)
)

#: What decoders put in place of what they cannot read: with it, two names can be one.
REPLACEMENT: Final = "\ufffd"

#: Zero-width joiners, without which text for people cannot be written in some scripts.
JOINERS: Final = frozenset("\u200c\u200d")


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


def _is_foreign_to_names(character: str) -> bool:
    kind = category(character)
    is_space = kind == "Zs" and character != " "
    return kind in UNSEEN or is_space or character in IGNORABLE or character == REPLACEMENT


#: The characters that are foreign to names; there are none in the planes between, and after.
_FOREIGN_TO_NAMES: Final = frozenset(
    filter(_is_foreign_to_names, map(chr, (*range(0x20000), *range(0xE0000, 0xE1000))))
)

#: Texts that are judged together.
_JUDGED_TOGETHER: Final = 256


def _is_foreign_to_text(character: str) -> bool:
    return category(character) in UNSEEN and character not in JOINERS


def wrong_with_name(text: str) -> str | None:
    """What would be right instead of a text that is to be a name, or None when it is one."""
    if REPLACEMENT in text:
        return "text as its sender wrote it: U+FFFD stands where a decoder could not read it"
    return _wrong_with(text, _is_foreign_to_names)


def wrong_with_text(text: str) -> str | None:
    """What would be right instead of a text that is to be shown to people, or None when it is fit.
    Unlike a name, it may have joiners, variation selectors and spaces of every width within.
    """
    return _wrong_with(text, _is_foreign_to_text)


def _wrong_with(text: str, is_foreign: Callable[[str], bool]) -> str | None:
    """What would be right instead of a text, or None when it is right."""
    size = len(text.encode())
    if not 0 < size <= NAME_BYTES_MAX:
        return f"1 to {NAME_BYTES_MAX} bytes of UTF-8, not {size:,}"
    for character in filter(is_foreign, text):
        what = "a control character" if category(character) == "Cc" else "which has no name"
        named = unicodedata.name(character, what)
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
