"""Who sent a request: signatures as partners make them, and everything that is not one."""

import base64
import hashlib
import hmac
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from holdfast.adapters.contract import Message, Unverified
from holdfast.adapters.intake.verification import Verification, VerificationOption, check

BODY = b'{"quantity": 3}'
NEW = "new-one"
SECRETS = {"secret": f"old-one\n{NEW}\n"}
URL = "https://shop.example/in/square?a=1"


class Holder(BaseModel):
    verify: VerificationOption


def how(**options: Any) -> Verification:
    return Holder.model_validate({"verify": options}).verify


def digest(signed: bytes, secret: str = NEW) -> bytes:
    return hmac.new(secret.encode(), signed, hashlib.sha256).digest()


def in_base64(signed: bytes, secret: str = NEW) -> str:
    return base64.b64encode(digest(signed, secret)).decode()


def refused(option: Verification, body: bytes = BODY, **headers: str) -> str:
    with pytest.raises(Unverified) as caught:
        checked(option, body, **headers)
    assert "one" not in str(caught.value).replace("someone", "")
    return str(caught.value)


def checked(option: Verification, body: bytes = BODY, **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    check(Message(body, named), SECRETS, option)


def test_without_a_scheme_everybody_may_come() -> None:
    checked(Verification())


def test_shopify_signs_the_body_in_either_family_of_headers_with_old_and_new_secret() -> None:
    option = how(like="shopify")
    for secret in ("old-one", "new-one"):
        checked(option, x_shopify_hmac_sha256=in_base64(BODY, secret))
        checked(option, shopify_hmac_sha256=in_base64(BODY, secret))
    refused(option, x_shopify_hmac_sha256=in_base64(BODY, "other"))
    refused(option, BODY + b" ", x_shopify_hmac_sha256=in_base64(BODY))
    refused(option)


def test_square_signs_its_address_and_the_body() -> None:
    option = how(like="square", url=URL)
    checked(option, x_square_hmacsha256_signature=in_base64(URL.encode() + BODY))
    refused(option, x_square_hmacsha256_signature=in_base64(BODY))


def test_walmart_signs_in_hex_or_base64_in_a_header_of_our_choice() -> None:
    option = how(like="walmart_hmac", headers=["X-Auth"])
    checked(option, x_auth=in_base64(BODY))
    checked(option, x_auth=digest(BODY).hex())
    checked(option, x_auth=digest(BODY).hex().upper())
    refused(option, x_auth="0" * 64)


def test_walmart_sends_user_and_password_in_a_header_of_our_choice() -> None:
    secrets = {"secret": "holdfast:pass word"}
    option = how(like="walmart_basic", headers=["X-Auth"])
    encoded = base64.b64encode(b"holdfast:pass word").decode()
    for value in (encoded, f"Basic {encoded}", f"basic {encoded}"):
        check(Message(BODY, {"x-auth": value}), secrets, option)
    for value in ("", encoded[:-1], f"Bearer {encoded}", "holdfast:pass word", "Basic \udcff"):
        with pytest.raises(Unverified):
            check(Message(BODY, {"x-auth": value}), secrets, option)


def test_walmart_signs_performance_events_with_method_target_and_timestamp() -> None:
    option = how(like="walmart_performance")
    body_hash = hashlib.sha256(BODY).hexdigest()
    signed = f"POST\n/in/walmart?a=1\n1764172800\n{body_hash}".encode()
    headers = {
        "wm_sec.timestamp": "1764172800",
        "wm_sec.signature": in_base64(signed),
        ":method": "POST",
        ":target": "/in/walmart?a=1",
    }
    check(Message(BODY, headers), SECRETS, option)
    for name, value in (
        ("wm_sec.timestamp", "1764172801"),
        (":method", "PUT"),
        (":target", "/in/walmart"),
    ):
        with pytest.raises(Unverified):
            check(Message(BODY, {**headers, name: value}), SECRETS, option)
    behind = how(like="walmart_performance", url="https://shop.example/in/walmart?a=1")
    check(Message(BODY, {**headers, ":target": "/somewhere"}), SECRETS, behind)


def test_a_bearer_token_stands_in_authorization() -> None:
    option = how(scheme="bearer")
    checked(option, authorization="Bearer new-one")
    refused(option, authorization="Basic new-one")
    refused(option, authorization="Bearer new")
    refused(option, authorization="")


def test_a_signature_may_have_a_prefix() -> None:
    option = how(scheme="hmac", headers=["x-signature"], prefix="sha256=", encoding="hex")
    checked(option, x_signature=f"sha256={digest(BODY).hex()}")
    refused(option, x_signature=digest(BODY).hex())


@pytest.mark.parametrize("value", ["", "é", "!", "AAAA", "=", "\udcff", "0" * 63], ids=ascii)
def test_what_is_no_signature_is_refused(value: str) -> None:
    for encoding in ("hex", "base64", "either"):
        refused(how(scheme="hmac", headers=["x-s"], encoding=encoding), x_s=value)


def test_without_the_secret_nobody_may_come() -> None:
    for secrets in ({}, {"secret": ""}, {"secret": "\n"}):
        with pytest.raises(Unverified, match="no secret to verify with"):
            check(Message(BODY, {"authorization": ""}), secrets, how(scheme="bearer"))


@pytest.mark.parametrize(
    "options",
    [
        {"scheme": "hmac"},
        {"like": "square"},
        {"scheme": "hmac", "headers": ["a"], "signed": "request"},
        {"like": "nobody"},
        {"scheme": "md5"},
        {"surprise": 1},
    ],
    ids=str,
)
def test_options_that_verify_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        how(**options)
