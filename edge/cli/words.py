"""How the words of a command line are taken: as text, and literally after `--`."""

from collections.abc import Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class TextGroup(TyperGroup):
    """A group of commands whose words have to be text.

    A shell hands over any bytes. Python keeps those that are not UTF-8 as lone surrogates, which
    neither a message nor most terminals take.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises typer.BadParameter for the first word that is not text."""
        for number, word in enumerate(args, 1):
            shown = word.encode(errors="backslashreplace").decode()
            if shown != word:
                raise typer.BadParameter(f"word {number}, '{shown}', is not UTF-8 text")
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
