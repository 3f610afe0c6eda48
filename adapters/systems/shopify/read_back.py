"""What the shop shows, page by page: the levels of one location after the other.

Source: `locations`, `location` and `inventoryLevels` of the Admin API 2026-10. Each answer lists
the locations, which says what comes after the one that it is of.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...contract import ReadBack, Request, Response, Undecodable
from ...events import Shown
from ...intake import fields
from .access import ShopOptions
from .graphql import answer, ask, number_of
from .set_quantities import available

LOCATIONS: Final = 250
LEVELS: Final = 240
"""Levels a page: with the locations, what 1,000 points allow for."""

_LEVELS: Final = f"""query Levels($location: ID, $level: String, $begun: Boolean!) {{
  locations(first: {LOCATIONS}, sortKey: ID) {{
    nodes {{ id }}
    pageInfo {{ hasNextPage }}
  }}
  location(id: $location) @include(if: $begun) {{
    id
    inventoryLevels(first: {LEVELS}, after: $level) {{
      nodes {{
        item {{ id }}
        quantities(names: ["available"]) {{ quantity }}
      }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}"""
COST: Final = 2 + LOCATIONS + 3 * LEVELS


def request(cursor: str, _options: ShopOptions) -> Request:
    """The request for the page at a cursor: a location, and where its levels go on."""
    location, level = json.loads(cursor) if cursor else (None, None)
    return ask(_LEVELS, {"location": location, "level": level, "begun": bool(cursor)}, COST)


def page(response: Response, _options: ShopOptions) -> tuple[Sequence[Shown], str]:
    """What is shown, and the next cursor. The first page has no levels yet. Raises `Undecodable`,
    `Throttled`, `Refused`.
    """
    data = answer(response)
    locations = _locations(fields.mapping(data.get("locations"), "locations"))
    node = data.get("location")
    if node is None:  # not asked for yet, or gone since; then the others are read next time
        return [], _cursor(locations[0]) if "location" not in data and locations else ""
    location = fields.mapping(node, "location")
    here = fields.text(location.get("id"), "location.id")
    path = "location.inventoryLevels"
    levels = fields.mapping(location.get("inventoryLevels"), path)
    nodes = fields.array(levels.get("nodes"), f"{path}.nodes", LEVELS)
    shown = [_shown(level, f"{path}.nodes[{at}]", here) for at, level in enumerate(nodes)]
    info = fields.mapping(levels.get("pageInfo"), f"{path}.pageInfo")
    if info.get("hasNextPage") is True:
        return shown, _cursor(here, info.get("endCursor"))
    later = [each for each in locations if _order(each) > _order(here)]
    return shown, _cursor(min(later, key=_order)) if later else ""


def _locations(connection: Mapping[str, Any]) -> list[str]:
    nodes = fields.array(connection.get("nodes"), "locations.nodes", LOCATIONS)
    if (
        fields.mapping(connection.get("pageInfo"), "locations.pageInfo").get("hasNextPage")
        is not False
    ):
        raise Undecodable("locations.pageInfo.hasNextPage", True, f"up to {LOCATIONS} locations")
    found = [
        fields.text(fields.mapping(node, "locations.nodes").get("id"), "locations.nodes.id")
        for node in nodes
    ]
    return sorted(found, key=_order)


def _order(location: str) -> int:
    return int(number_of(location, "Location", "locations.nodes.id"))


def _cursor(location: str, level: str | None = None) -> str:
    return json.dumps([location, level])


def _shown(value: object, path: str, location: str) -> Shown:
    level = fields.mapping(value, path)
    item = fields.mapping(level.get("item"), f"{path}.item").get("id")
    number = number_of(item, "InventoryItem", f"{path}.item.id")
    node = number_of(location, "Location", "location.id")
    return Shown(item=number, node=node, quantity=available(level, path))


READ_BACK: Final = ReadBack(request, page)
