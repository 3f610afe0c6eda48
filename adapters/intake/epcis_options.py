"""The options of EPCIS: what a partner's events mean here."""

from pydantic import BaseModel, ConfigDict

from .verification import Verification, VerificationOption


class EpcisOptions(BaseModel):
    """What a partner's events mean here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verify: VerificationOption = Verification()
    source: str = "epcis"
    event_types: frozenset[str] = frozenset(
        ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent")
    )
    """Those that count: fewer for a partner who reports the same goods by two of them."""
    steps: dict[str, str] = {}
    """Steps of other vocabularies, as steps of CBV."""
    with_extension: bool = False
    """Whether the extension of a GLN, a place inside, is part of the location's name."""
    own_locations: frozenset[str] = frozenset()
    """Locations between which goods are transferred, as events name them."""
    order_transactions: tuple[str, ...] = ("po",)
    """Types of business transactions that name an order, which is a reservation here."""
    transfer_transactions: tuple[str, ...] = ("desadv", "bol")
    supply_transactions: tuple[str, ...] = ()
    """Types that name supply which is announced under the same id."""
    whole_transactions: bool = False
    """Whether a transaction's id is its whole URI, and not what stands after its last / or :."""
