"""The adapters for Shopify and its twin against the official schema."""

import json
from typing import Any

import pytest
from graphql import (
    GraphQLSchema,
    build_client_schema,
    is_enum_type,
    is_input_object_type,
    is_object_type,
    is_specified_scalar_type,
    parse,
    validate,
)

from holdfast.adapters.contract import Request
from holdfast.adapters.systems.shopify import fulfillment_orders as polled
from holdfast.adapters.systems.shopify.read_back import READ_BACK
from holdfast.adapters.systems.shopify.set_quantities import PATH
from holdfast.adapters.twins.shopify_schema import SCHEMA
from tests.adapters.shopify_package import official_introspection
from tests.adapters.systems.shopify.graphql_samples import ORDERS, error, offer, payload
from tests.adapters.systems.shopify.rest_samples import OPTIONS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def official() -> GraphQLSchema:
    return build_client_schema(official_introspection(), assume_valid=True)


def requests() -> list[Request]:
    """All that the adapters ask."""
    offers = [offer(1), offer(2, shown=None)]
    stale = payload(
        *(
            error("CHANGE_FROM_QUANTITY_STALE", "input", "quantities", place, "changeFromQuantity")
            for place in ("0", "1")
        )
    )
    steps: list[Any] = [PATH.next(offers, [], None), PATH.next(offers, [stale], None)]
    return [
        *steps,
        polled.request("", ORDERS),
        polled.request('{"since": "2026-11-26T00:00:00Z", "orders": ["7"]}', ORDERS),
        READ_BACK.request("", OPTIONS),
    ]


def test_all_that_is_asked_fits_the_official_schema_and_that_of_the_twin(
    official: GraphQLSchema,
) -> None:
    for request in requests():
        document = parse(json.loads(request.body)["query"])
        assert [] == validate(official, document)
        assert [] == validate(SCHEMA, document)


def test_what_the_twin_answers_is_a_part_of_the_official_schema(official: GraphQLSchema) -> None:
    types: dict[str, Any] = dict(SCHEMA.type_map)
    for name, ours in types.items():
        if name.startswith("__") or is_specified_scalar_type(ours):
            continue
        theirs: Any = official.type_map[name]
        assert type(theirs) is type(ours)
        if is_enum_type(ours):
            assert set(ours.values) <= set(theirs.values)
        elif is_input_object_type(ours):
            assert types_of(ours.fields) == types_of(theirs.fields), name
        elif is_object_type(ours):
            for field, value in ours.fields.items():
                other = theirs.fields[field]
                assert str(other.type) == str(value.type), f"{name}.{field}"
                assert types_of(value.args).items() <= types_of(other.args).items(), field
    (directive,) = (each for each in official.directives if each.name == "idempotent")
    assert {"key": "String!"} == types_of(directive.args)


def types_of(named: Any) -> dict[str, str]:
    return {name: str(each.type) for name, each in named.items()}
