"""`python -m holdfast.edge` is the `holdfast` command."""

from .cli.main import main

main()
