"""The options of POSLog: what its model leaves open."""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .verification import Verification, VerificationOption
from .zones import ZoneName


class PoslogOptions(BaseModel):
    """How tills of one operator write what the model leaves open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verify: VerificationOption = Verification()
    source: str = "pos"
    """What the sources begin with: pos/<store>/<till>."""
    time_zone: ZoneName = ""
    """Of times that name none."""
    time_zones: dict[str, ZoneName] = Field(default_factory=dict)
    """The same for single stores, by their ids."""
    stock_item_types: tuple[str, ...] = ("Stock",)
    """Item types whose quantities are units of stock. Fees and deposits are of others."""
    weight_unit: str = ""
    """Unit of quantities of weighed items that name none."""
    order_elements: tuple[str, ...] = ("InventoryReservationID", "SpecialOrderNumber")
    """Elements, of a line or its link, that name the reservation it belongs to."""
    order_line_elements: tuple[str, ...] = ()
    """Elements, in the same places, that name the line of the reservation: needed where orders have
    several lines of one SKU. POSLog has none for it.
    """
    restocked: tuple[str, ...] = ("ReturnToStock",)
    """Disposal methods after which returned units are for sale."""
    returned_status: str = ""
    """Status of returned units that name no disposal; empty when they are for sale."""
    post_void_quantities: Literal["either", "repeated", "opposite"] = "either"
    """Whether a `Sale` of a post-void has the quantity of the line that it undoes, or the opposite.
    With either, one below 0 undoes a sale, or where it names an order, a return: those are recorded
    with ids, so that the core says when it was another.
    """
    watch_numbers: bool = True
    """Whether a case is opened where a till's transactions do not all come. Not where a feed leaves
    some out, such as control transactions.
    """
    numbers_grace: timedelta = timedelta(hours=36)
    """How long they may be missing: tills keep what they sold while they are offline."""
    hold_suspended: bool = True
    """Whether units of suspended transactions are held. Not where tills do not report those: there
    is nothing to free when one is resumed then.
    """
    suspended_hold: timedelta = timedelta(days=1)
    """How long units of a suspended transaction are held."""
