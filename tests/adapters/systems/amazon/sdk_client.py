"""What Amazon's own SDK asks of a twin, run in a process of its own with the SDK on its path.

Arguments: the twin's address. It prints what it was answered, as JSON.
"""

import json
import sys

import requests
from spapi import SPAPIClient, SPAPIConfig
from spapi.api.external_fulfillment_inventory_v2024_09_11.batch_inventory_api import (
    BatchInventoryApi,
)
from spapi.api.feeds_v2021_06_30.feeds_api import FeedsApi
from spapi.api.listings_items_v2021_08_01.listings_api import ListingsApi
from spapi.api.orders_v2026_01_01.search_orders_api import SearchOrdersApi
from spapi.models.external_fulfillment_inventory_v2024_09_11 import (
    BatchInventoryRequest,
    InventoryRequest,
    InventoryRequestParams,
    MarketplaceAttributes,
)
from spapi.models.feeds_v2021_06_30 import CreateFeedDocumentSpecification, CreateFeedSpecification
from spapi.models.listings_items_v2021_08_01 import ListingsItemPatchRequest, PatchOperation

SELLER, MARKETPLACE = "A3TWIN", "ATVPDKIKX0DER"
CONTENT_TYPE = "application/json; charset=UTF-8"


def main(url: str) -> None:
    config = SPAPIConfig(client_id="c", client_secret="s", refresh_token="r", region="NA")
    client = SPAPIClient(config, oauth_endpoint=f"{url}/auth/o2/token", endpoint=url).api_client
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 4}]
    merge = PatchOperation(op="merge", path="/attributes/fulfillment_availability", value=value)
    listings = ListingsApi(client)
    patched = listings.patch_listings_item(
        SELLER,
        "MUG/1",
        [MARKETPLACE],
        ListingsItemPatchRequest(product_type="PRODUCT", patches=[merge]),
    )
    found = listings.search_listings_items(
        SELLER,
        [MARKETPLACE],
        included_data=["fulfillmentAvailability"],
        sort_by="lastUpdatedDate",
        sort_order="DESC",
        page_size=20,
    )
    answers = {
        "patched": patched.status,
        "found": [each.fulfillment_availability[0].quantity for each in found.items],
        "fed": feed(FeedsApi(client)),
        "batch": batch(BatchInventoryApi(client)),
        "orders": orders(SearchOrdersApi(client)),
    }
    print(json.dumps(answers))  # noqa: T201 - that is what it is asked for


def feed(api: FeedsApi) -> str:
    made = api.create_feed_document(CreateFeedDocumentSpecification(content_type=CONTENT_TYPE))
    body = {"header": {"sellerId": SELLER, "version": "2.0"}, "messages": [message()]}
    content = json.dumps(body)
    requests.put(made.url, content, headers={"content-type": CONTENT_TYPE}, timeout=30)
    created = api.create_feed(
        CreateFeedSpecification(
            feed_type="JSON_LISTINGS_FEED",
            marketplace_ids=[MARKETPLACE],
            input_feed_document_id=made.feed_document_id,
        )
    )
    result = api.get_feed(created.feed_id)
    api.get_feed_document(result.result_feed_document_id)
    return str(result.processing_status)


def message() -> dict[str, object]:
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 3}]
    path = "/attributes/fulfillment_availability"
    patches = [{"op": "merge", "path": path, "value": value}]
    names = {"sku": "MUG/1", "operationType": "PATCH", "productType": "PRODUCT"}
    return {"messageId": 1, **names, "patches": patches}


def batch(api: BatchInventoryApi) -> list[list[int]]:
    params = InventoryRequestParams(
        quantity=7,
        client_sequence_number=12,
        marketplace_attributes=MarketplaceAttributes(
            marketplace_id=MARKETPLACE, channel_name="MFN"
        ),
    )
    uri = "/inventory/update?locationId=STORE&skuId=MUG%2F1"
    update = InventoryRequest(uri=uri, method="POST", body=params)
    answer = api.batch_inventory(BatchInventoryRequest(requests=[update]))
    return [[each.status.status_code, each.body.sellable_quantity] for each in answer.responses]


def orders(api: SearchOrdersApi) -> list[list[object]]:
    answer = api.search_orders(
        last_updated_after="2026-11-26T11:00:00+00:00",
        marketplace_ids=[MARKETPLACE],
        fulfilled_by=["MERCHANT"],
        included_data=["FULFILLMENT"],
        max_results_per_page=100,
    )
    return [
        [each.fulfillment.fulfillment_status, each.order_items[0].fulfillment.quantity_unfulfilled]
        for each in answer.orders
    ]


if __name__ == "__main__":
    main(sys.argv[1])
