"""Calls on SKUs as a whole: their end, their names."""

from typing import Unpack

from holdfast.v1 import catalog_service_pb2 as catalog

from . import methods
from .calls import Call, Options, call, id_or_new
from .parameters import text


def delete_sku(
    sku: str, *, request_id: str | None = None, **options: Unpack[Options]
) -> Call[catalog.DeleteSkuResponse]:
    """End a SKU and all its stock levels. Its open reservations run on.

    `request_id` is as in `commit`. The response says how many units were on hand and how many are
    still promised. Raises `NotFound` if the SKU is unknown.
    """
    request = catalog.DeleteSkuRequest(sku=text("sku", sku), request_id=id_or_new(request_id))
    return call(methods.DELETE_SKU, request, **options)


def rename_sku(
    sku: str, new_sku: str, *, request_id: str | None = None, **options: Unpack[Options]
) -> Call[catalog.RenameSkuResponse]:
    """Call a SKU by another name from now on. It goes on under all names that it has had.

    `request_id` is as in `commit`. Raises `NotFound` if the SKU is unknown, `AlreadyExists` if
    another one has or had the name.
    """
    request = catalog.RenameSkuRequest(
        sku=text("sku", sku),
        new_sku=text("new_sku", new_sku),
        request_id=id_or_new(request_id),
    )
    return call(methods.RENAME_SKU, request, **options)


def merge_sku(
    sku: str, into_sku: str, *, request_id: str | None = None, **options: Unpack[Options]
) -> Call[catalog.MergeSkuResponse]:
    """Make one SKU of two: all units and names of `sku` go to `into_sku`.

    `request_id` is as in `commit`. Raises `NotFound` if one of them is unknown,
    `HoldfastError` if something is in the way, such as units of `sku` that are promised.
    """
    request = catalog.MergeSkuRequest(
        sku=text("sku", sku),
        into_sku=text("into_sku", into_sku),
        request_id=id_or_new(request_id),
    )
    return call(methods.MERGE_SKU, request, **options)
