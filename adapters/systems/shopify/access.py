"""How Shopify is reached: the shop, and what proves to it who asks.

Sources: "Using the client credentials grant" (shopify.dev), by which an app of one's own
organisation gets a token for 24 hours; "API access scopes" for X-Shopify-Access-Token.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Protocol
from urllib.parse import urlencode

from pydantic import Field

from ...contract import Login, Refused, Request, Response
from ...intake import fields

#: The version of the Admin API that all requests and answers here are of.
VERSION: Final = "2026-10"

TOKEN_HEADER: Final = "X-Shopify-Access-Token"  # noqa: S105 - a name

Shop = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*\.myshopify\.com$")]


class ShopOptions(Protocol):
    """The options that all adapters of a shop have."""

    @property
    def shop(self) -> str:
        """Its domain at Shopify, "example.myshopify.com"."""

    @property
    def location(self) -> str:
        """Where orders ship from when Shopify does not say; empty leaves them out."""


def source(options: ShopOptions) -> str:
    """Who numbers the events of a shop."""
    return f"shopify/{options.shop}"


def token(_options: Any, secrets: Mapping[str, str]) -> Mapping[str, str]:
    """The header of an app whose access token does not end."""
    return {TOKEN_HEADER: secrets["access_token"]}


def _asked(_options: Any, secrets: Mapping[str, str]) -> Request:
    form = {
        "grant_type": "client_credentials",
        "client_id": secrets["client_id"],
        # While a secret is being replaced, it is the first of two lines.
        "client_secret": secrets["client_secret"].splitlines()[0],
    }
    return Request(
        "POST",
        "/admin/oauth/access_token",
        {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        urlencode(form).encode(),
    )


def _begun(response: Response) -> Mapping[str, str]:
    if response.status != 200:
        raise Refused(f"Shopify answers {response.status} to the app's id and secret")
    try:
        access_token = json.loads(response.body)["access_token"]
        return {TOKEN_HEADER: fields.text(access_token, "access_token")}
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"Shopify's answer has no access_token: {error}") from error


LOGIN: Final = Login(_asked, _begun)
