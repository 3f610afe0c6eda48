"""Where secrets stand: in a file or in the environment, and not in adapters.toml itself."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Secret(BaseModel):
    """Where a secret is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path | None = None
    env: str | None = None


def read_secret(secret: Secret | None, folder: Path) -> str:
    """A secret, whose file is relative to a folder. Raises ValueError with what is wrong, which
    does not show what stands there.
    """
    if secret is None or (secret.file is None) == (secret.env is None):
        raise ValueError("expected { file = ... } or { env = ... }")
    try:
        if secret.file:
            found = (folder / secret.file).read_text("utf-8-sig")
        else:
            found = os.environ.get(secret.env or "", "")
    except OSError as error:
        raise ValueError(f"{secret.file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ValueError(f"{secret.file} is not UTF-8") from None
    if not found.strip():
        raise ValueError(f"{secret.file or secret.env} is empty")
    return found.strip()
