"""The adapters for Amazon: a channel by listings, a channel by locations, and its orders.

A seller has one of the channels, fed by a queue of notifications, and the orders beside it: Amazon
advises having a second way, since notifications are not certain to come.
"""

from collections.abc import Mapping
from typing import Any, Final

from ...contract import Adapter, Publish
from . import notifications, order_search
from .external_fulfillment import BATCH_PATH, READ_LOCATIONS
from .listings import PATCH_PATH, READ_BACK
from .listings_feed import FEED_PATH
from .sp_api import BUDGETS, LOGIN, SECRETS, AmazonOptions, granted

_READS: Final = (
    "ORDER_CHANGE and LISTINGS_ITEM_MFN_QUANTITY_CHANGE of the Selling Partner API, from SQS"
)
_NOTIFIED: Final[Mapping[str, Any]] = {
    "dedupe": "NotificationId",
    "order": "none: each state of an order is of all that happened to its lines so far",
    "key": notifications.key,
    "decode": notifications.decode,
    "options": AmazonOptions,
    "secrets": SECRETS,
    "login": LOGIN,
    "budgets": BUDGETS,
    "granted": granted,
    "flow": "order_sync",
}

LISTINGS: Final = Adapter(
    name="amazon",
    reads=f"{_READS}; it publishes quantities of listings.",
    publish=Publish((PATCH_PATH, FEED_PATH), READ_BACK),
    **_NOTIFIED,
)

LOCATIONS: Final = Adapter(
    name="amazon-external",
    reads=f"{_READS}; it publishes quantities at locations (External Fulfillment).",
    publish=Publish((BATCH_PATH,), READ_LOCATIONS),
    **_NOTIFIED,
)

ORDERS: Final = Adapter(
    name="amazon-orders",
    reads="Orders API v2026-01-01: orders that changed.",
    dedupe="a hash of the order as Amazon sends it",
    order="none: each state of an order is of all that happened to its lines so far",
    key=order_search.key,
    decode=order_search.decode,
    options=order_search.OrderSearchOptions,
    secrets=SECRETS,
    login=LOGIN,
    poll=order_search.POLL,
    budgets=BUDGETS,
    granted=granted,
    flow="order_sync",
)
