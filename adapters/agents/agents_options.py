"""`[agents]` of adapters.toml: who may ask, where units are, and how long an answer may take."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from ..intake.secret_places import Secret


class AgentsOptions(BaseModel):
    """The hook for shopping agents."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    location: str
    """Where units are that a line names no location of, in the names of the mapping tables."""
    token: Secret
    """What callers prove themselves with, as `Authorization: Bearer`; each of its lines is one."""
    stripe: Secret | None = None
    """The signing secret of Stripe's hooks; without one they are not taken."""
    mappings: tuple[Path, ...] = ()
    """Mapping tables: items of agents by `item`, or by `sku` where no file has that."""
    hold_s: Annotated[int, Field(ge=1, le=2_592_000)] = 900
    """For how long units are held."""
    deadline_ms: Annotated[int, Field(ge=10, le=60_000)] = 1_000
    """After which an answer comes, whatever the core does."""
    rate_max: Annotated[float, Field(gt=0, le=1_000_000)] = 1_000
    """Requests a second that are taken."""

    @property
    def secrets(self) -> dict[str, Secret]:
        """Where its secrets are, by setting."""
        stripe = {} if self.stripe is None else {"stripe": self.stripe}
        return {"token": self.token, **stripe}

    def based(self, folder: Path) -> Self:
        """The same with paths relative to a folder."""
        secrets = {
            name: each.model_copy(update={"file": each.file and folder / each.file})
            for name, each in self.secrets.items()
        }
        mappings = tuple(folder / each for each in self.mappings)
        return self.model_copy(update={**secrets, "mappings": mappings})
