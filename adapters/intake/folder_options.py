"""What may be set of drop folders.

Rules of this file: values. Libraries that bring files from elsewhere are loaded by whoever does so.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SftpOptions(BaseModel):
    """Where the partner puts files, and who we are there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    port: int = Field(default=22, ge=1, le=65_535)
    user: str
    key: Path
    """Our private key."""
    known_hosts: Path
    """Keys of servers, as ssh has them."""
    path: str = "."
    after: Literal["move", "delete"] = "move"
    """What becomes of a file there: it is moved to `done` beside it, or deleted."""


class FolderOptions(BaseModel):
    """Where files are dropped, and when they are complete."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path
    pattern: str = "*"
    """Names of the files that are taken in."""
    complete: Literal["renamed", "unchanged", "marked"] = "unchanged"
    """Whether files are complete as soon as they are here, since they are renamed to their names;
    when they were unchanged for `unchanged_s`; or when a file of their name and ".done" is there.
    """
    unchanged_s: float = Field(default=10, ge=0)
    reuses_names: bool = False
    """Whether the partner gives other files the name of an earlier one: each is then known by its
    name and a hash of its content. Otherwise such a file is a mistake and fails.
    """
    sftp: SftpOptions | None = None
    """Where the files are brought from. `complete` is then about the files there."""
