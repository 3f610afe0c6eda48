"""The kinds of adapters for Shopify: of the shop and of its orders, each for an app whose access
token does not end, and for one that begins a session with its id and secret.
"""

from dataclasses import replace
from typing import Final

from ...contract import Adapter, Publish, no_credentials
from . import fulfillment_orders, webhooks
from .access import LOGIN, token
from .graphql import BUDGETS, granted
from .read_back import READ_BACK
from .set_quantities import PATH

SHOP: Final = Adapter(
    name="shopify",
    reads="Shopify's webhooks of orders, refunds and inventory levels; sets its quantities.",
    dedupe="X-Shopify-Webhook-Id",
    order="none of orders: each message has the whole order; updated_at of levels",
    key=webhooks.key,
    decode=webhooks.decode,
    verify=webhooks.verify,
    options=webhooks.WebhookOptions,
    secrets=("access_token", "client_secret"),
    credentials=token,
    publish=Publish((PATH,), READ_BACK),
    budgets=BUDGETS,
    granted=granted,
)

ORDERS: Final = Adapter(
    name="shopify-orders",
    reads="Orders at their locations, polled from Shopify's Admin API of 2026-10.",
    dedupe="a hash of the order, which has the times of its changes",
    order="none: each message has the whole order",
    key=fulfillment_orders.key,
    decode=fulfillment_orders.decode,
    options=fulfillment_orders.OrdersOptions,
    secrets=("access_token",),
    credentials=token,
    poll=fulfillment_orders.POLL,
    budgets=BUDGETS,
    granted=granted,
    flow="order_sync",
)

_SESSION: Final = ("client_id", "client_secret")
SHOP_OF_APP: Final = replace(
    SHOP, name="shopify-app", secrets=_SESSION, login=LOGIN, credentials=no_credentials
)
ORDERS_OF_APP: Final = replace(
    ORDERS, name="shopify-app-orders", secrets=_SESSION, login=LOGIN, credentials=no_credentials
)
