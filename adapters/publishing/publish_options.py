"""What may be set of publishing to a channel.

Rules of this file: values.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from .fallback import Fallback

_STRICT = ConfigDict(extra="forbid", frozen=True)

Name = Annotated[str, Field(min_length=1, max_length=128)]


class MaxOversell(BaseModel):
    """The bound that buffers keep: more than `units` base units of a pair are oversold, while a
    value that the channel shows is old, with a probability of at most `chance`.
    """

    model_config = _STRICT

    units: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    chance: Annotated[float, Field(gt=0, lt=1)] = 0.001


class FallbackOptions(BaseModel):
    """What is shown of figures that are not current."""

    model_config = _STRICT

    after_s: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    """For how long the core may not be heard before its figures count as not current."""
    rule: Fallback = Fallback.FREEZE
    cap: Annotated[int, Field(ge=0, le=1_000_000_000)] = 1
    """Base units of each level that the rule `cap` shows at most."""


class PublishOptions(BaseModel):
    """What a channel is told, and with how much margin."""

    model_config = _STRICT

    nodes: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]]
    """The channel's nodes, and the locations of ours whose available units each shows in sum. With
    none, all that the channel shows is withdrawn.
    """
    orders: tuple[Name, ...] = ()
    """Other adapters that bring the channel's orders."""
    max_oversell: MaxOversell = MaxOversell()
    buffer_max: Annotated[int, Field(ge=0, le=1_000_000_000)] = 1_000
    """Base units that a buffer takes at most. Where it would take more, the bound does not hold."""
    outage_s: Annotated[float, Field(ge=0, le=86_400)] = 600.0
    """The longest outage of the channel that is reckoned with: what it may sell in it is left to it
    by the other channels. With 0 nothing is.
    """
    fallback: FallbackOptions = FallbackOptions()
