"""How the words of a command line are taken: as text, and literally after `--`."""

from collections.abc import Iterable
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

#: Options of which an empty value says something: a location that is to have no name.
_MAY_BE_EMPTY: Final = frozenset({"--name"})


class TextGroup(TyperGroup):
    """A group of commands whose words have to be text, and not empty.

    A shell hands over any bytes. Python keeps those that are not UTF-8 as lone surrogates, which
    neither a message nor most terminals take. Of a variable that is not set it makes an empty
    word, and `--sku ""` would be as if there were no such option: all SKUs.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises typer.BadParameter for the first word that is not text, or is empty."""
        for number, word in enumerate(args, 1):
            shown = word.encode(errors="backslashreplace").decode()
            if shown != word:
                raise typer.BadParameter(f"word {number}, '{shown}', is not UTF-8 text")
        if empty := _empty_word(args):
            raise typer.BadParameter(f"{empty} is empty: give a value, or leave it out")
        return super().parse_args(ctx, args)


class SignedCommand(TyperCommand):
    """A command among whose words -5 is a quantity, with `ignore_unknown_options` in its settings.

    That would take any unknown option for a word, so they are looked for here.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises typer.BadParameter for an option that does not exist."""
        values = {
            name: 0 if getattr(parameter, "is_flag", False) else parameter.nargs
            for parameter in self.get_params(ctx)
            for name in (*parameter.opts, *parameter.secondary_opts)
        }
        if unknown := _unknown_option(args, values):
            raise typer.BadParameter(f"No such option: {unknown}")
        return super().parse_args(ctx, args)


def _empty_word(args: Iterable[str]) -> str | None:
    """The first word that is empty, or option with an empty value, as a sentence begins with it."""
    before = ""
    for number, word in enumerate(args, 1):
        option, equals, value = word.partition("=")
        has_empty = word.startswith("--") and equals and not value
        if has_empty and option not in _MAY_BE_EMPTY:
            return f"the value of {option}"
        if not word and before not in _MAY_BE_EMPTY:
            return f"word {number}, after '{before}'," if before else f"word {number}"
        before = word
    return None


def _unknown_option(args: Iterable[str], values: dict[str, int]) -> str | None:
    """The first option that is not among those of which it is known how many values they take."""
    words = iter(args)
    for word in words:
        if word == "--":
            return None
        name, _, value = word.partition("=")
        if name in values:
            for _ in range(values[name] - bool(value)):
                next(words, None)
        elif word.startswith("-") and not word[1:2].isdigit():
            return word
    return None
