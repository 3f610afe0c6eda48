"""The part of Shopify's Admin API of 2026-10 that the twin answers, and what a query of it costs.

Source: the official schema (npm @shopify/dev-mcp), of which each type, field and argument here is
one; "Shopify API limits" for the cost: an object is 1 point, a connection as many objects as are
asked for, a mutation 10, a scalar nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    build_schema,
)

SDL: Final = """
directive @idempotent(key: String!) on FIELD
scalar DateTime
schema { query: QueryRoot mutation: Mutation }

type QueryRoot {
  fulfillmentOrders(
    after: String, first: Int, includeClosed: Boolean = false, query: String,
    sortKey: FulfillmentOrderSortKeys = ID
  ): FulfillmentOrderConnection!
  inventoryItem(id: ID!): InventoryItem
  location(id: ID): Location
  locations(after: String, first: Int, sortKey: LocationSortKeys = NAME): LocationConnection!
  order(id: ID!): Order
}
type Mutation {
  inventorySetQuantities(input: InventorySetQuantitiesInput!): InventorySetQuantitiesPayload
}

enum FulfillmentOrderSortKeys { ID UPDATED_AT }
enum FulfillmentOrderStatus { CANCELLED CLOSED INCOMPLETE IN_PROGRESS ON_HOLD OPEN SCHEDULED }
enum FulfillmentStatus { CANCELLED ERROR FAILURE OPEN PENDING SUCCESS }
enum LocationSortKeys { ID NAME }
type PageInfo { endCursor: String hasNextPage: Boolean! }

type Order {
  createdAt: DateTime!
  fulfillmentOrders(after: String, first: Int): FulfillmentOrderConnection!
  fulfillments(first: Int): [Fulfillment!]!
  id: ID!
  lineItems(after: String, first: Int): LineItemConnection!
  updatedAt: DateTime!
}
type LineItemConnection { nodes: [LineItem!]! pageInfo: PageInfo! }
type LineItem { id: ID! quantity: Int! sku: String variant: ProductVariant }
type ProductVariant { id: ID! }
type FulfillmentOrderConnection { nodes: [FulfillmentOrder!]! pageInfo: PageInfo! }
type FulfillmentOrder {
  assignedLocation: FulfillmentOrderAssignedLocation!
  id: ID!
  lineItems(after: String, first: Int): FulfillmentOrderLineItemConnection!
  orderId: ID!
  status: FulfillmentOrderStatus!
  updatedAt: DateTime!
}
type FulfillmentOrderAssignedLocation { location: Location }
type FulfillmentOrderLineItemConnection { nodes: [FulfillmentOrderLineItem!]! pageInfo: PageInfo! }
type FulfillmentOrderLineItem { lineItem: LineItem! remainingQuantity: Int! }
type Fulfillment {
  fulfillmentLineItems(after: String, first: Int): FulfillmentLineItemConnection!
  location: Location
  status: FulfillmentStatus!
}
type FulfillmentLineItemConnection { nodes: [FulfillmentLineItem!]! pageInfo: PageInfo! }
type FulfillmentLineItem { lineItem: LineItem! quantity: Int }

type LocationConnection { nodes: [Location!]! pageInfo: PageInfo! }
type Location {
  id: ID!
  inventoryLevels(after: String, first: Int): InventoryLevelConnection!
}
type InventoryLevelConnection { nodes: [InventoryLevel!]! pageInfo: PageInfo! }
type InventoryLevel { item: InventoryItem! quantities(names: [String!]!): [InventoryQuantity!]! }
type InventoryItem { id: ID! inventoryLevel(locationId: ID!): InventoryLevel sku: String }
type InventoryQuantity { name: String! quantity: Int! }

input InventorySetQuantitiesInput {
  name: String!
  quantities: [InventoryQuantityInput!]!
  reason: String!
  referenceDocumentUri: String
}
input InventoryQuantityInput {
  changeFromQuantity: Int
  inventoryItemId: ID!
  locationId: ID!
  quantity: Int!
}
type InventorySetQuantitiesPayload {
  inventoryAdjustmentGroup: InventoryAdjustmentGroup
  userErrors: [InventorySetQuantitiesUserError!]!
}
type InventoryAdjustmentGroup { id: ID! reason: String! referenceDocumentUri: String }
type InventorySetQuantitiesUserError {
  code: InventorySetQuantitiesUserErrorCode
  field: [String!]
  message: String!
}
enum InventorySetQuantitiesUserErrorCode {
  CHANGE_FROM_QUANTITY_STALE
  IDEMPOTENCY_CONCURRENT_REQUEST
  IDEMPOTENCY_KEY_PARAMETER_MISMATCH
  IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED
  INVALID_INVENTORY_ITEM
  INVALID_LOCATION
  INVALID_NAME
  INVALID_QUANTITY_NEGATIVE
  INVALID_QUANTITY_TOO_HIGH
  INVALID_REASON
  INVALID_REFERENCE_DOCUMENT
  NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR
}
"""

SCHEMA: Final[GraphQLSchema] = build_schema(SDL)

#: Points of a mutation, whatever it answers.
MUTATION_COST: Final = 10

#: Fields of a connection, which are the objects that its cost counts.
_INSIDE: Final = ("nodes", "edges", "node")


def requested_cost(document: DocumentNode, variables: Mapping[str, Any]) -> int:
    """Points that a document asks for."""
    (operation,) = (
        each for each in document.definitions if isinstance(each, OperationDefinitionNode)
    )
    if operation.operation is OperationType.MUTATION:
        return MUTATION_COST
    return _cost_of(operation.selection_set, variables)


def _cost_of(selected: SelectionSetNode | None, variables: Mapping[str, Any]) -> int:
    fields = selected.selections if selected else ()
    return sum(_field_cost(each, variables) for each in fields if isinstance(each, FieldNode))


def _field_cost(field: FieldNode, variables: Mapping[str, Any]) -> int:
    name = field.name.value
    if field.selection_set is None or name == "pageInfo":
        return 0
    inside = _cost_of(field.selection_set, variables)
    return inside if name in _INSIDE else _first(field, variables) * (1 + inside)


def _first(field: FieldNode, variables: Mapping[str, Any]) -> int:
    """How many objects a field asks for."""
    for argument in field.arguments or ():
        if argument.name.value == "first":
            if isinstance(argument.value, IntValueNode):
                return int(argument.value.value)
            if isinstance(argument.value, VariableNode):
                return int(variables.get(argument.value.name.value) or 0)
    return 1


def actual_cost(data: object) -> int:
    """Points of an answer: its objects."""
    if isinstance(data, list):
        return sum(actual_cost(each) for each in data)
    if not isinstance(data, dict):
        return 0
    if "nodes" in data:
        return actual_cost(data["nodes"])
    return 1 + sum(actual_cost(each) for each in data.values())
