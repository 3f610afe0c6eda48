"""What a partner answers, however wrong, is a partner that is away."""

import time

import httpx
import pytest

from holdfast.adapters.contract import Request
from holdfast.adapters.runtime.buckets import TokenBucket
from holdfast.adapters.runtime.partner import Partner, PartnerAway
from tests.adapters.simple import ADAPTER


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {"content-encoding": "gzip"}),
        (503, {"retry-after": "\u00b2"}),
        (503, {"retry-after": "Fri, 01 Jan 2027 00:00:00 +99999999999999999999"}),
    ],
    ids=["no gzip", "a digit of another kind", "a zone too far"],
)
async def test_an_answer_that_cannot_be_read_is_a_partner_that_is_away(
    status: int, headers: dict[str, str]
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return httpx.Response(status, headers=encoded, stream=httpx.ByteStream(b"garbage"))

    async with httpx.AsyncClient(
        base_url="http://erp", transport=httpx.MockTransport(answer)
    ) as http:
        bucket = TokenBucket(100, 100, time.monotonic)
        partner = Partner("erp", http, bucket, adapter=ADAPTER, options=None, secrets={})
        with pytest.raises(PartnerAway):
            await partner.ask_once(Request("GET", "/"), lambda response: response)
