"""What all of the Selling Partner API shares: options, the session, answers and usage plans.

Sources: amzn/selling-partner-api-models 34dc93f, whose models state the usage plans in tables;
"External Fulfillment APIs Rate Limits" for batchInventory; "Connect to the SP-API" for the token.
Not run against Amazon: tests speak to a twin that was written from the same documents.

Amazon answers an expired token with 403 and the code "Unauthorized", as it does a missing role; the
details say which (amzn/selling-partner-api-docs, issues 2147 and 4122). A request to a presigned
address must not bear the token: S3 refuses headers that were not signed.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from ...contract import (
    Budget,
    Granted,
    Login,
    Refused,
    Request,
    Response,
    SessionExpired,
    Throttled,
    Undecodable,
)
from ...intake import fields

TOKEN_URL: Final = "https://api.amazon.com/auth/o2/token"  # noqa: S105 - an address

#: Names of Login with Amazon's credentials.
SECRETS: Final = ("client_id", "client_secret", "refresh_token")

#: Operation -> what the models grant, until an answer says something else.
BUDGETS: Final[Mapping[str, Budget]] = {
    "patchListingsItem": Budget(5, 5),
    "searchListingsItems": Budget(5, 5),
    "createFeedDocument": Budget(0.5, 15),
    # Of JSON_LISTINGS_FEED: five feeds in five minutes, by the changelog "Feed size and rate limit
    # changes for the JSON_LISTINGS_FEED" of 2025-05-06. The model's 15 at once are of all types.
    "createFeed": Budget(5 / 300, 5),
    "getFeed": Budget(2, 15),
    "getFeedDocument": Budget(0.0222, 10),
    "batchInventory": Budget(50, 100),
    "searchOrders": Budget(0.0056, 20),
}

#: Each request has to say who asks ("Include a User-Agent header in all requests").
HEADERS: Final[Mapping[str, str]] = {
    "accept": "application/json",
    "user-agent": "Holdfast/1 (Language=Python)",
}
JSON_HEADERS: Final[Mapping[str, str]] = {**HEADERS, "content-type": "application/json"}

Channel = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,31}$")]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^@\s]+$")]
Name = Annotated[str, Field(min_length=1, max_length=128)]


class AmazonOptions(BaseModel):
    """A seller in a marketplace."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seller_id: Name
    marketplace_id: Name
    """Where quantities are published: "ATVPDKIKX0DER" is amazon.com."""
    channel: Channel = "amazon"
    """What reservation ids begin with, and the source of what Amazon reports."""
    location: Name = "DEFAULT"
    """Amazon's name of where lines ship from that name no supply source."""
    product_type: Name = "PRODUCT"
    """The product type that patches name; "PRODUCT" is Amazon's general one."""
    token_url: HttpUrl = TOKEN_URL
    """Where Login with Amazon is."""


def _log_in(options: Any, secrets: Mapping[str, str]) -> Request:
    form = {"grant_type": "refresh_token", **{name: secrets[name] for name in SECRETS}}
    headers = {**HEADERS, "content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
    return Request("POST", options.token_url, headers, urlencode(form).encode())


def _session(response: Response) -> Mapping[str, str]:
    """The header of a token. RFC 6749, 5.2 has errors with status 400; two of them pass."""
    try:
        answer = fields.mapping(fields.json_of(response.body), "body")
    except Undecodable as error:
        raise Refused(f"Login with Amazon answers {response.status} without JSON") from error
    if answer.get("error") in ("server_error", "temporarily_unavailable"):
        raise Throttled
    token = answer.get("access_token")
    if response.status != 200 or type(token) is not str or not token.isascii():
        raise Refused(f"Login with Amazon answers {response.status}: {answer.get('error')}")
    return {"x-amz-access-token": token}


LOGIN: Final = Login(_log_in, _session)


def json_body(value: Any) -> bytes:
    """JSON as short as it gets: a feed has thousands of messages."""
    return json.dumps(value, separators=(",", ":")).encode()


def document(response: Response) -> Mapping[str, Any]:
    """What a request that succeeded was answered. Raises Throttled, SessionExpired, Refused and
    Undecodable.
    """
    if not 200 <= response.status < 300:
        raise failure(response)
    return fields.mapping(fields.json_of(response.body), "body")


def failure(response: Response) -> Throttled | SessionExpired | Refused:
    """What a request that failed was answered."""
    code, text, details = _first_error(response.body)
    if response.status == 401 or (response.status == 403 and "token" in details.lower()):
        return SessionExpired()
    if response.status == 429 or response.status >= 500:
        return Throttled()
    return Refused(f"Amazon answers {response.status} {code}: {text} {details}".rstrip())


def _first_error(body: bytes) -> tuple[str, str, str]:
    """Code, message and details of an ErrorList; empty where it is none."""
    try:
        match fields.json_of(body):
            case {"errors": [{**error}, *_]}:
                return (
                    str(error.get("code") or ""),
                    str(error.get("message") or "")[:500],
                    str(error.get("details") or "")[:500],
                )
    except Undecodable:
        pass
    return "", "", ""


def granted(response: Response) -> Granted:
    """The rate of an operation, which successes and some errors state; a 429 does not."""
    text = response.headers.get("x-amzn-ratelimit-limit", "")
    try:
        rate = float(text)
    except ValueError:
        return Granted()
    return Granted(rate=rate) if 0 < rate < 1e6 else Granted()
