"""What is wrong with settings, in our words: the key, the value and what would be right.

Rules of this file: pydantic finds what is wrong, and none of its sentences is passed on. A value
that may be a secret is not shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

#: Kind of an error, or what it begins with -> what would have been right, of its context.
_EXPECTED: Final = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "finite_number": "a number",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "string_too_short": "a length of at least {min_length}",
    "string_too_long": "a length of at most {max_length}",
    "string_pattern_mismatch": "text of the form {pattern}",
    "string": "text",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
    "dict": "a table",
    "mapping": "a table",
    "model": "a table",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "path": "a path",
    "timezone": "a time with its offset from UTC, such as 2026-11-26T16:00:00Z",
    "datetime": "a time such as 2026-11-26T16:00:00Z",
    "date": "a date such as 2026-11-26",
    "time_delta": "a duration such as PT30M",
    "url": "an address such as https://shop.example/in",
}


def problems_of(where: str, error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """A sentence for each key at fault; `where` stands before each."""
    merged: dict[str, tuple[str, list[str]]] = {}
    for each in error.errors(include_url=False):
        key = _key(each["loc"])
        said, expected = _sentence(key, each, model)
        # Of a union each member complains, and what would be right is any of it.
        merged.setdefault(key + said, (said, []))[1].append(expected)
    for said, any_of in merged.values():
        yield f"{where}{said}: {_any_of(any_of)}"


def _sentence(key: str, each: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, str]:
    """What is said of a key, and what would be right."""
    kind, value = each["type"], each["input"]
    if kind == "missing":
        return f"{key} is missing", "expected a value"
    if kind == "extra_forbidden":
        return f"{key} is no setting", _hint(str(each["loc"][-1]), _fields_at(model, each["loc"]))
    is_table = isinstance(value, (Mapping, Sequence)) and not isinstance(value, str)
    said = (
        key if is_table or "secrets" in each["loc"] or "@" in str(value) else f"{key} is {value!r}"
    )
    if kind in ("value_error", "assertion_error"):
        text = each["msg"].partition(", ")[2]
        if is_table and not text.startswith("expected"):  # of a key of the table
            subject, _, expected = text.partition(": ")
            return f"{key}.{subject}".lstrip("."), expected
        return said, text
    return said, f"expected {_expected(kind, each.get('ctx', {}))}"


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    found = kind
    while found not in _EXPECTED and "_" in found:
        found = found.rpartition("_")[0]
    text = _EXPECTED.get(found, kind.replace("_", " "))
    words = {name: _words(value) for name, value in context.items()}
    return text.format(**words)


def _words(value: Any) -> str:
    """A limit, or words that may be chosen, which pydantic lists as 'a', 'b' or 'c'."""
    if isinstance(value, (int, float)):
        return f"{value:,.12g}" if isinstance(value, float) else f"{value:,}"
    return str(value).replace(" or ", ", ").replace("'", "")


def _any_of(expected: Sequence[str]) -> str:
    one_of = "expected one of "
    if all(each.startswith(one_of) for each in expected):
        return one_of + ", ".join(each.removeprefix(one_of) for each in expected)
    first, *others = dict.fromkeys(expected)
    return " or ".join([first, *(each.removeprefix("expected ") for each in others)])


def _key(loc: Sequence[Any]) -> str:
    """The key as adapters.toml has it: without the names that pydantic gives members of a union."""
    return ".".join(str(part) for part in loc if not _is_of_union(part))


def _is_of_union(part: Any) -> bool:
    return isinstance(part, str) and part.endswith("]") and "[" in part


def _hint(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known)
    return f"did you mean {' or '.join(close)}?" if close else f"expected {', '.join(known)}"


def _fields_at(model: type[BaseModel], loc: Sequence[Any]) -> list[str]:
    """The fields that there are where a field was that is none of them."""
    for part in loc[:-1]:
        if part in model.model_fields:
            model = next(_models_in(model.model_fields[part].annotation), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models in an annotation: of `dict[str, Model]` and `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models_in(each)
