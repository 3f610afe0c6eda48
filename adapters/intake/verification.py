"""Whether a request was sent by who says so: signatures, Basic and bearer, as options.

    verify = { like = "square", url = "https://shop.example/in/square" }
    verify = { scheme = "hmac", headers = ["x-wms-signature"], encoding = "hex" }
    verify = { scheme = "bearer" }

A secret may have several lines, each of which is accepted: partners sign with the old one for a
while after it was changed (Shopify: up to an hour). Secrets are compared in constant time.

Sources: Shopify, header names in Shopify/shopify-app-js types.ts, of webhooks and of Events, and
"Verify webhook deliveries"; Square, "Validate webhook notifications"; Walmart, authDetails of its
notifications API (models/notifications.json) and "Security and authenticity" of performance
webhooks. That Walmart's HMAC is in hex or in base64 is not documented: either is accepted.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from ..contract import Message, Unverified


class Verification(BaseModel):
    """How a partner proves who it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: Literal["none", "hmac", "basic", "bearer"] = "none"
    """hmac: HMAC-SHA256. basic: the secret is user:password."""
    secret: str = "secret"  # noqa: S105 - a name
    """Name of the secret."""
    headers: tuple[str, ...] = ()
    """The headers that may have the proof; the first that is there counts."""
    prefix: str = ""
    """What stands before a signature in its header, as in "sha256=..."."""
    signed: Literal["body", "url_body", "request"] = "body"
    """What is signed. request: method, path with query, timestamp and hash of the body in hex, each
    but the last on a line.
    """
    encoding: Literal["hex", "base64", "either"] = "base64"
    url: str = ""
    """The address that the partner sends to, as it knows it; a proxy may hide it from us."""
    timestamp_header: str = ""

    @model_validator(mode="after")
    def _whole(self) -> "Verification":
        if self.scheme == "hmac" and not self.headers:
            raise ValueError("headers is empty: expected the header with the signature")
        if self.scheme == "hmac" and self.signed == "url_body" and not self.url:
            raise ValueError("url is empty: expected the address that the partner sends to")
        if self.scheme == "hmac" and self.signed == "request" and not self.timestamp_header:
            raise ValueError("timestamp_header is empty: expected the header with the timestamp")
        return self

    @property
    def header_names(self) -> tuple[str, ...]:
        """The headers that may have the proof, in lower case."""
        return tuple(name.lower() for name in self.headers or ("authorization",))


def _like(value: Any) -> Any:
    """Options with those of a known partner filled in."""
    if not isinstance(value, Mapping) or "like" not in value:
        return value
    rest = {name: each for name, each in value.items() if name != "like"}
    if value["like"] not in LIKE:
        raise ValueError(f"like is {value['like']!r}: expected one of {', '.join(LIKE)}")
    return {**LIKE[value["like"]], **rest}


#: Headers that hold passwords and tokens, whoever looks at them.
PROOF: Final = ("authorization", "proxy-authorization", "cookie")

#: What is shorter stands in other words by chance, and is guessed anyway.
SECRET_CHARACTERS: Final = 8

#: Options of known partners.
LIKE: Final[Mapping[str, Mapping[str, Any]]] = {
    "shopify": {
        "scheme": "hmac",
        "headers": ("x-shopify-hmac-sha256", "shopify-hmac-sha256"),
    },
    "square": {
        "scheme": "hmac",
        "headers": ("x-square-hmacsha256-signature",),
        "signed": "url_body",
    },
    # `headers` is what was given as authHeaderName, for the first two. With OAUTH Walmart asks
    # `authUrl` for a token; the secret is the token that it gives.
    "walmart_hmac": {"scheme": "hmac", "encoding": "either"},
    "walmart_basic": {"scheme": "basic"},
    "walmart_oauth": {"scheme": "bearer"},
    "walmart_performance": {
        "scheme": "hmac",
        "headers": ("wm_sec.signature",),
        "signed": "request",
        "timestamp_header": "wm_sec.timestamp",
    },
}

VerificationOption: TypeAlias = Annotated[Verification, BeforeValidator(_like)]


def verify(message: Message, secrets: Mapping[str, str], options: Any) -> None:
    """Raises `Unverified`. Of an adapter whose options have a `verify`."""
    check(message, secrets, options.verify)


def check(message: Message, secrets: Mapping[str, str], how: Verification) -> None:
    """Raises `Unverified` when a message does not prove who sent it."""
    if how.scheme == "none":
        return
    known = [line for line in secrets.get(how.secret, "").splitlines() if line]
    if not known:
        raise Unverified("this adapter has no secret to verify with")
    names = how.header_names
    name = next((name for name in names if name in message.attributes), None)
    if name is None:
        raise Unverified(f"there is no header {' or '.join(names)}")
    given = message.attributes[name]
    if how.scheme == "hmac":
        _check_signature(message, given, known, how, name)
    else:
        _check_shared(given, known, how, name)


def without_proof(
    message: Message, secrets: Mapping[str, str], how: Verification | None
) -> Message:
    """The message as it is kept and shown: without the headers that its sender proves itself with,
    and without the secrets themselves, wherever else they stand beside the body.
    """
    names = {*PROOF, *(() if how is None else how.header_names)}
    shown = {name: each for name, each in message.attributes.items() if name not in names}
    lines = [line for secret in secrets.values() for line in secret.splitlines()]
    for line in (each for each in lines if len(each) >= SECRET_CHARACTERS):
        for form in (line, quote(line, safe=""), base64.b64encode(line.encode()).decode()):
            shown = {name: each.replace(form, "***") for name, each in shown.items()}
    return replace(message, attributes=shown)


def _check_signature(
    message: Message, given: str, known: list[str], how: Verification, name: str
) -> None:
    if not given.startswith(how.prefix):
        raise Unverified(f"{name} does not begin with {how.prefix}")
    signature = _bytes_of(given.removeprefix(how.prefix), how, name)
    signed = b"".join(_signed(message, how))
    digests = [hmac.digest(each.encode(), signed, "sha256") for each in known]
    if not any(hmac.compare_digest(signature, digest) for digest in digests):
        raise Unverified(f"{name} is the signature of something else, or by another secret")


def _check_shared(given: str, known: list[str], how: Verification, name: str) -> None:
    """A password or token; partners with a header of their own leave the word before it out."""
    scheme, _, rest = given.strip().rpartition(" ")
    if scheme.strip().lower() not in ("", how.scheme):
        raise Unverified(f"{name} is not {how.scheme}")
    expected = [_shared(each, how) for each in known]
    found = rest.encode(errors="surrogatepass")
    if not any(hmac.compare_digest(found, each) for each in expected):
        raise Unverified(f"{name} has another {how.scheme} secret")


def _shared(secret: str, how: Verification) -> bytes:
    return base64.b64encode(secret.encode()) if how.scheme == "basic" else secret.encode()


def _bytes_of(text: str, how: Verification, name: str) -> bytes:
    is_hex = how.encoding == "hex" or (
        how.encoding == "either" and len(text) == 2 * hashlib.sha256().digest_size
    )
    try:
        return bytes.fromhex(text) if is_hex else base64.b64decode(text, validate=True)
    except ValueError:
        raise Unverified(f"{name} is not in {'hex' if is_hex else 'base64'}") from None


def _signed(message: Message, how: Verification) -> Iterator[bytes]:
    """The bytes that are signed."""
    if how.signed == "request":
        yield _head(message, how).encode(errors="surrogatepass")
        yield hashlib.sha256(message.body).hexdigest().encode()
        return
    if how.signed == "url_body":
        yield how.url.encode()
    yield message.body


def _head(message: Message, how: Verification) -> str:
    timestamp = message.attributes.get(how.timestamp_header.lower())
    if timestamp is None:
        raise Unverified(f"there is no header {how.timestamp_header}")
    target = message.attributes.get(":target", "")
    if how.url:
        url = urlsplit(how.url)
        target = url.path + (f"?{url.query}" if url.query else "")
    return f"{message.attributes.get(':method', '')}\n{target}\n{timestamp}\n"
