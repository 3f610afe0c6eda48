"""How Amazon is told quantities: three walks, each of them pure, and what its answers mean."""

import gzip
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.contract import (
    Accepted,
    Budget,
    Deferred,
    Granted,
    PublishPath,
    Refused,
    Rejected,
    Request,
    Response,
    SessionExpired,
    Stale,
    Throttled,
    Undecodable,
    Wait,
)
from holdfast.adapters.events import Shown
from holdfast.adapters.systems.amazon.channel import LISTINGS, LOCATIONS, ORDERS
from holdfast.adapters.systems.amazon.external_fulfillment import BATCH_PATH, READ_LOCATIONS
from holdfast.adapters.systems.amazon.listings import PATCH_PATH, READ_BACK
from holdfast.adapters.systems.amazon.listings_feed import FEED_PATH, MESSAGES_MAX
from tests.adapters.systems.amazon.amazon_channel import OPTIONS, SECRETS, answer, offer
from tests.adapters.systems.amazon.amazon_models import EXTERNAL_FULFILLMENT, FEED, judge_of

QUOTA = b'{"errors":[{"code":"QuotaExceeded","message":"You exceeded your quota"}]}'
EXPIRED = (
    b'{"errors":[{"code":"Unauthorized","message":"Access to requested resource is denied.",'
    b'"details":"The access token you provided has expired."}]}'
)
NO_ROLE = (
    b'{"errors":[{"code":"Unauthorized","message":"Access to requested resource is denied.",'
    b'"details":""}]}'
)


def said(status: int, body: Any) -> Response:
    return answer(status, json.dumps(body).encode())


def asked(path: PublishPath, offers: Sequence[Any], *responses: Response) -> Request:
    step = path.next(offers, responses, OPTIONS)
    assert isinstance(step, Request)
    return step


def verdicts(path: PublishPath, offers: Sequence[Any], *responses: Response) -> list[Any]:
    step = path.next(offers, responses, OPTIONS)
    assert not isinstance(step, Request | Wait)
    return list(step)


# One listing


def test_a_patch_merges_the_quantity_of_one_fulfillment_channel() -> None:
    request = asked(PATCH_PATH, [offer("A/B C", 7, "SOURCE-1")])

    assert ("PATCH", "patchListingsItem") == (request.method, request.operation)
    assert "/listings/2021-08-01/items/A3TWIN/A%2FB%20C?marketplaceIds=ATVPDKIKX0DER" == request.url
    assert {
        "productType": "PRODUCT",
        "patches": [
            {
                "op": "merge",
                "path": "/attributes/fulfillment_availability",
                "value": [{"fulfillment_channel_code": "SOURCE-1", "quantity": 7}],
            }
        ],
    } == json.loads(request.body)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (said(200, {"status": "ACCEPTED"}), Accepted()),
        (
            said(200, {"status": "ACCEPTED", "issues": [{"severity": "WARNING", "code": "1"}]}),
            Accepted(),
        ),
        (
            said(
                200,
                {
                    "status": "INVALID",
                    "issues": [
                        {"severity": "WARNING", "code": "1", "message": "w"},
                        {
                            "severity": "ERROR",
                            "code": "99022",
                            "message": "wrong",
                            "attributeNames": ["quantity"],
                        },
                    ],
                },
            ),
            Rejected("99022: wrong", "quantity"),
        ),
        (said(200, {"status": "INVALID"}), Rejected("Amazon gives no reason")),
        (
            said(404, {"errors": [{"code": "NOT_FOUND", "message": "SKU not found"}]}),
            Rejected("Amazon answers 404 NOT_FOUND: SKU not found", "item"),
        ),
        (said(400, {}), Rejected("Amazon answers 400 :", "item")),
    ],
)
def test_the_status_in_the_body_says_whether_a_patch_is_taken(
    response: Response, expected: Any
) -> None:
    assert [expected] == verdicts(PATCH_PATH, [offer()], response)


@pytest.mark.parametrize("path", [PATCH_PATH, FEED_PATH, BATCH_PATH], ids=lambda path: path.name)
@pytest.mark.parametrize(
    ("response", "raised"),
    [
        (answer(429, QUOTA), Throttled),
        (answer(503), Throttled),
        (answer(403, EXPIRED), SessionExpired),
        (answer(401), SessionExpired),
        (answer(403, NO_ROLE), Refused),
        (answer(413), Refused),
        (answer(200, b"[]"), Undecodable),
        (answer(200, b'{"status":"MAYBE"}'), Undecodable),
    ],
)
def test_what_is_no_verdict_is_raised(
    path: PublishPath, response: Response, raised: type[Exception]
) -> None:
    with pytest.raises(raised):
        path.next([offer()], [response], OPTIONS)


# A feed

ANNOUNCED = said(201, {"feedDocumentId": "D1", "url": "https://s3.example/D1?signed"})
SENT = answer(200, b"")
CREATED = said(202, {"feedId": "F1"})
QUEUED = said(200, {"processingStatus": "IN_QUEUE"})
DONE = said(200, {"processingStatus": "DONE", "resultFeedDocumentId": "D2"})
RESULT = said(200, {"feedDocumentId": "D2", "url": "https://s3.example/D2?signed"})
OFFERS = [offer("MUG", 3), offer("PAN", 0)]


def test_a_feed_goes_its_way() -> None:
    way = [ANNOUNCED, SENT, CREATED, QUEUED, DONE, RESULT]
    steps = [FEED_PATH.next(OFFERS, way[:count], OPTIONS) for count in range(len(way) + 1)]

    requests = [step.request if isinstance(step, Wait) else step for step in steps]
    assert [
        ("POST", "/feeds/2021-06-30/documents", "createFeedDocument"),
        ("PUT", "https://s3.example/D1?signed", ""),
        ("POST", "/feeds/2021-06-30/feeds", "createFeed"),
        ("GET", "/feeds/2021-06-30/feeds/F1", "getFeed"),
        ("GET", "/feeds/2021-06-30/feeds/F1", "getFeed"),
        ("GET", "/feeds/2021-06-30/documents/D2", "getFeedDocument"),
        ("GET", "https://s3.example/D2?signed", ""),
    ] == [(each.method, each.url, each.operation) for each in requests if isinstance(each, Request)]
    assert [3, 4] == [number for number, step in enumerate(steps) if isinstance(step, Wait)]
    assert steps == [FEED_PATH.next(OFFERS, way[:count], OPTIONS) for count in range(len(way) + 1)]


def test_a_feed_is_announced_and_sent_as_the_same_type() -> None:
    announced, sent = asked(FEED_PATH, OFFERS), asked(FEED_PATH, OFFERS, ANNOUNCED)

    assert json.loads(announced.body)["contentType"] == sent.headers["content-type"]
    assert {"content-type"} == set(sent.headers)


def test_a_feed_is_as_amazon_has_it() -> None:
    feed = json.loads(asked(FEED_PATH, OFFERS, ANNOUNCED).body)

    judge_of(FEED)(feed)
    assert [(1, "MUG"), (2, "PAN")] == [
        (each["messageId"], each["sku"]) for each in feed["messages"]
    ]


@pytest.mark.slow
def test_the_largest_feed_fits_its_schema() -> None:
    offers = [offer(f"SKU-{number}", number) for number in range(MESSAGES_MAX)]
    body = asked(FEED_PATH, offers, ANNOUNCED).body

    assert MESSAGES_MAX == len(json.loads(body)["messages"])
    assert len(body) < 10 << 20


@pytest.mark.parametrize("packed", [False, True])
def test_a_report_blames_messages_by_their_numbers(packed: bool) -> None:
    report = {
        "issues": [
            {"messageId": 2, "severity": "ERROR", "code": "1", "message": "a"},
            {"messageId": 2, "severity": "ERROR", "code": "2", "message": "b"},
            {"messageId": 1, "severity": "WARNING", "code": "3", "message": "c"},
        ]
    }
    body = json.dumps(report).encode()
    algorithm = {"compressionAlgorithm": "GZIP"} if packed else {}
    result = said(200, {"url": "https://s3.example/D2", **algorithm})
    downloaded = answer(200, gzip.compress(body) if packed else body)

    found = verdicts(FEED_PATH, OFFERS, ANNOUNCED, SENT, CREATED, DONE, result, downloaded)
    assert [Accepted(), Rejected("1: a; 2: b")] == found


@pytest.mark.parametrize(
    "way",
    [
        [ANNOUNCED, answer(403)],
        [ANNOUNCED, SENT, CREATED, said(200, {"processingStatus": "FATAL"})],
        [ANNOUNCED, SENT, CREATED, said(200, {"processingStatus": "CANCELLED"})],
        [ANNOUNCED, SENT, CREATED, said(200, {"processingStatus": "DONE"})],
        [ANNOUNCED, SENT, CREATED, DONE, RESULT, answer(403)],
    ],
    ids=["not sent", "fatal", "cancelled", "no report", "report gone"],
)
def test_a_feed_that_comes_to_nothing_is_offered_again(way: list[Response]) -> None:
    assert [Deferred(), Deferred()] == verdicts(FEED_PATH, OFFERS, *way)


@pytest.mark.parametrize(
    ("result", "report", "field"),
    [
        ({"url": "u"}, b"no JSON", "report"),
        ({"url": "u"}, b'{"issues":[{"severity":"ERROR","messageId":3}]}', "messageId"),
        ({"url": "u", "compressionAlgorithm": "ZIP"}, b"{}", "compressionAlgorithm"),
        ({"url": "u", "compressionAlgorithm": "GZIP"}, b"{}", "report"),
        ({"url": "u", "compressionAlgorithm": "GZIP"}, gzip.compress(b" " * (17 << 20)), "report"),
    ],
    ids=["no JSON", "a number that was not sent", "another packing", "not packed", "too long"],
)
def test_a_report_that_is_wrong_is_reported(
    result: dict[str, str], report: bytes, field: str
) -> None:
    way = [ANNOUNCED, SENT, CREATED, DONE, said(200, result), answer(200, report)]
    with pytest.raises(Undecodable) as caught:
        FEED_PATH.next(OFFERS, way, OPTIONS)

    assert field in caught.value.field


@settings(max_examples=30)
@given(st.integers(0, 50), st.data())
def test_each_offer_of_a_feed_gets_the_verdict_of_its_message(count: int, data: Any) -> None:
    offers = [offer(f"SKU-{number}") for number in range(count)]
    blamed = data.draw(st.sets(st.integers(1, count), max_size=5)) if count else set()
    issues = [{"messageId": number, "severity": "ERROR", "code": "1"} for number in blamed]
    way = [ANNOUNCED, SENT, CREATED, DONE, RESULT, said(200, {"issues": issues})]

    found = verdicts(FEED_PATH, offers, *way)
    assert blamed == {number for number, each in enumerate(found, 1) if each != Accepted()}
    assert count == len(found)


# External Fulfillment


def line(code: int, **body: Any) -> dict[str, Any]:
    return {"status": {"statusCode": code, "reasonPhrase": "phrase"}, "body": body}


def test_a_batch_is_as_amazon_has_it() -> None:
    offers = [offer(f"A&B {number}", number, "SOURCE-1", number) for number in range(1, 11)]
    body = json.loads(asked(BATCH_PATH, offers).body)

    judge_of(EXTERNAL_FULFILLMENT, "BatchInventoryRequest")(body)
    first = body["requests"][0]
    assert {"locationId": ["SOURCE-1"], "skuId": ["A&B 1"]} == parse_qs(
        urlsplit(first["uri"]).query
    )
    assert (1, 1) == (first["body"]["quantity"], first["body"]["clientSequenceNumber"])


def test_what_is_sellable_is_read_of_the_pairs_that_are_known() -> None:
    request = READ_LOCATIONS.request([("A&B 1", "SOURCE-1"), ("PAN", "SOURCE-2")], OPTIONS)
    body = json.loads(request.body)
    judge_of(EXTERNAL_FULFILLMENT, "BatchInventoryRequest")(body)
    first, second = (urlsplit(each["uri"]) for each in body["requests"])
    assert ("/inventory/fetch", "/inventory/fetch") == (first.path, second.path)
    assert {"locationId": ["SOURCE-1"], "skuId": ["A&B 1"]} == parse_qs(first.query)

    unknown = line(400, skuId="PAN", locationId="SOURCE-2", actionableErrors=[])
    known = line(200, skuId="A&B 1", locationId="SOURCE-1", sellableQuantity=5)
    (shown,) = READ_LOCATIONS.shown(said(207, {"responses": [known, unknown]}), OPTIONS)
    assert ("A&B 1", "SOURCE-1", 5) == (shown.item, shown.node, shown.quantity)


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        (line(200, skuId="MUG", sellableQuantity=5, clientSequenceNumber=1), Accepted()),
        (line(200, skuId="MUG", sellableQuantity=9, clientSequenceNumber=2), Stale(9)),
        (line(200, skuId="MUG"), Accepted()),
        (line(409, skuId="MUG", clientSequenceNumber=1), Accepted()),
        (line(409, skuId="MUG", clientSequenceNumber=2), Stale(None)),
        (line(409, skuId="MUG", sellableQuantity=9), Stale(9)),
        (line(409), Stale(None)),
        (line(429), Deferred()),
        (line(503), Deferred()),
        (
            line(400, actionableErrors=[{"errorType": "INVALID_SKU", "errorSubType": "unknown"}]),
            Rejected("INVALID_SKU: unknown", "item"),
        ),
        (line(400), Rejected("400 phrase")),
        (line(404, actionableErrors=[]), Rejected("404 phrase")),
    ],
)
def test_each_line_of_a_batch_has_a_verdict_of_its_own(answered: Any, expected: Any) -> None:
    lines = [answered, line(200, skuId="PAN")]

    found = verdicts(BATCH_PATH, [offer(), offer("PAN")], said(207, {"responses": lines}))
    assert [expected, Accepted()] == found


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([], "responses"),
        ([line(200, skuId="PAN")], "responses[0].body.skuId"),
        ([line(200, skuId="MUG", locationId="OTHER")], "responses[0].body.locationId"),
        ([{"status": {"statusCode": 7}, "body": {}}], "responses[0].status.statusCode"),
        ([{"status": {"statusCode": 200}}], "responses[0].body"),
    ],
)
def test_a_batch_whose_lines_are_wrong_is_reported(lines: Any, field: str) -> None:
    with pytest.raises(Undecodable) as caught:
        BATCH_PATH.next([offer()], [said(207, {"responses": lines})], OPTIONS)

    assert field == caught.value.field


# Reading back


def test_listings_are_read_back_page_by_page() -> None:
    first = READ_BACK.request("", OPTIONS)
    after = READ_BACK.request("T2", OPTIONS)
    quantity = {"fulfillmentChannelCode": "DEFAULT", "quantity": 4}
    by_amazon = {"fulfillmentChannelCode": "AMAZON_NA"}
    body = {
        "items": [{"sku": "MUG", "fulfillmentAvailability": [quantity, by_amazon]}, {"sku": "X"}],
        "pagination": {"nextToken": "T2"},
    }
    shown, cursor = READ_BACK.page(said(200, body), OPTIONS)

    assert "pageToken" not in first.url
    assert "pageToken=T2" in after.url
    assert [Shown(item="MUG", node="DEFAULT", quantity=4)] == shown
    assert "T2" == cursor
    assert "" == READ_BACK.page(said(200, {"items": []}), OPTIONS)[1]


# The session and the budgets


def test_a_login_asks_for_a_token_and_bears_it() -> None:
    assert LISTINGS.login is not None
    request = LISTINGS.login.request(OPTIONS, SECRETS)
    session = LISTINGS.login.session(said(200, {"access_token": "Atza|1", "expires_in": 3600}))

    assert "https://api.amazon.com/auth/o2/token" == request.url
    assert {
        "grant_type": ["refresh_token"],
        "client_id": ["c"],
        "client_secret": ["s"],
        "refresh_token": ["r"],
    } == parse_qs(request.body.decode())
    assert {"x-amz-access-token": "Atza|1"} == session


@pytest.mark.parametrize(
    ("response", "raised"),
    [
        (said(400, {"error": "temporarily_unavailable"}), Throttled),
        (said(400, {"error": "server_error"}), Throttled),
        (said(400, {"error": "invalid_grant"}), Refused),
        (said(401, {"error": "invalid_client"}), Refused),
        (said(200, {"token": "Atza|1"}), Refused),
        (said(200, {"access_token": "\u00e4"}), Refused),
        (answer(200, b"<html>"), Refused),
    ],
)
def test_a_login_that_fails_says_whether_to_try_again(
    response: Response, raised: type[Exception]
) -> None:
    assert LISTINGS.login is not None
    with pytest.raises(raised):
        LISTINGS.login.session(response)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0.0055", Granted(rate=0.0055)),
        ("", Granted()),
        ("string", Granted()),
        ("nan", Granted()),
        ("0", Granted()),
        ("-1", Granted()),
    ],
)
def test_an_answer_may_tell_the_rate(header: str, expected: Granted) -> None:
    assert expected == LISTINGS.granted(answer(200, x_amzn_ratelimit_limit=header))


@pytest.mark.parametrize("adapter", [LISTINGS, LOCATIONS, ORDERS], ids=lambda each: each.name)
def test_each_operation_that_is_asked_has_a_budget(adapter: Any) -> None:
    paths = adapter.publish.paths if adapter.publish else ()
    operations = [
        *(path.next([offer()], [], OPTIONS).operation for path in paths),
        *([READ_BACK.request("", OPTIONS).operation] if adapter is LISTINGS else []),
    ]

    assert set(operations) <= set(adapter.budgets)
    assert Budget(0.0056, 20) == adapter.budgets["searchOrders"]
