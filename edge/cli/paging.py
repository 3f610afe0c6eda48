"""Answers that come page by page: asked for until there is no more, or enough."""

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

#: Items on a page: the most that a node sends.
PAGE_SIZE: Final = 1_000


class Page(Protocol):
    """A message of items with the token of the next page, "" on the last."""

    next_page_token: str

    def MergeFrom(self, other: Any, /) -> None:
        """Append the items of another page."""


PageT = TypeVar("PageT", bound=Page)


def whole(ask: Callable[[str], PageT]) -> PageT:
    """All pages as one. `ask` is called with the token of each page."""
    answer = page = ask("")
    while page.next_page_token:
        page = ask(page.next_page_token)
        answer.MergeFrom(page)
    answer.next_page_token = ""
    return answer


def up_to(limit: int, ask: Callable[[int, str], PageT], items: str) -> tuple[list[Any], PageT]:
    """The first `limit` items, which stand in the field `items`, and the page with the last of
    them. `ask` is called with the size and the token of each page.
    """
    found: list[Any] = []
    token = ""
    while True:
        page = ask(min(PAGE_SIZE, limit - len(found)), token)
        found += getattr(page, items)
        token = page.next_page_token
        if not token or len(found) >= limit:
            return found, page
