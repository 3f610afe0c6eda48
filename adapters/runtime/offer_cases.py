"""The cases of a channel: what it does with offers that no repeat mends.

Rules of this file: it words, and does not decide. A subject begins with the channel: several have
nodes and items of the same names.
"""

from ..contract import Offer, Rejected
from ..events import Exceptional, Shown


def rejected(channel: str, offer: Offer, verdict: Rejected) -> Exceptional:
    """The channel does not take a quantity."""
    blamed = f" ({verdict.field})" if verdict.field else ""
    text = f"the channel does not take {offer.quantity} units: {verdict.reason}{blamed}"
    return _case("offer_rejected", channel, offer, text)


def stays_stale(channel: str, offer: Offer) -> Exceptional:
    """The channel showed something else each time that it was offered a quantity."""
    text = f"the channel cannot be set to {offer.quantity} units: each time it shows something else"
    return _case("offer_stale", channel, offer, f"{text} than it said before")


def differs(channel: str, shown: Shown, target: int) -> Exceptional:
    """The channel showed something else again than it was told."""
    text = f"the channel shows {shown.quantity} units again, though it was set to {target}"
    return _case("shown_differs", channel, shown, text)


def unanswered(channel: str, path: str, text: str) -> Exceptional:
    """The channel does not say what became of a load."""
    subject = f"{channel}: {path}"
    return Exceptional(source="", id="", kind="offers_unanswered", subject=subject, text=text)


def _case(kind: str, channel: str, of: Offer | Shown, text: str) -> Exceptional:
    subject = f"{channel}: {of.item} at {of.node}"
    return Exceptional(source="", id="", kind=kind, subject=subject, text=text)
