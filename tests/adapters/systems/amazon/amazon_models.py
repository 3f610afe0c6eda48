"""Judges made of Amazon's published models; a test that asks for one is skipped without them."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import fastjsonschema

from tests.adapters.contracts import contract

FOLDER = "amazon-sp-api"
EXTERNAL_FULFILLMENT = "models/externalFulfillmentInventory_2024-09-11.json"
ORDERS = "models/orders_2026-01-01.json"
FEED = "schemas/feeds/listings-feed-schema-v2.json"
NOTIFICATIONS = "schemas/notifications"

Judge = Callable[[Any], Any]


def document(path: str) -> Any:
    """A file of the contract."""
    return json.loads(contract(f"{FOLDER}/{path}").read_text("utf-8-sig"))


@cache
def judge_of(path: str, definition: str = "") -> Judge:
    """What raises for a document that is not as a schema, or a definition of a model, has it."""
    schema = document(path)
    if definition:
        schema = {"$ref": f"#/definitions/{definition}", "definitions": schema["definitions"]}
    judge: Judge = fastjsonschema.compile(schema, use_formats=False)
    return judge
