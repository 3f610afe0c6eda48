"""What the audit finds, in the log."""

from collections.abc import Sequence

import structlog

from holdfast.core.commands import Disagreement

log = structlog.get_logger()


def log_disagreements(found: Sequence[Disagreement]) -> None:
    """Write a line about each figure that is not what it should be."""
    for each in found:
        log.error(
            "audit disagrees",
            shard=each.shard,
            sku=each.sku,
            location=each.location,
            figure=each.figure,
            found=each.found,
            expected=each.expected,
        )
