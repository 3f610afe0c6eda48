"""A dead letter that tests begin with."""

from holdfast.adapters.contract import Message
from holdfast.adapters.runtime.records import DeadLetter

LETTER = DeadLetter(
    number=0,
    adapter="tills",
    stage="decode",
    reason="UNDECODABLE",
    text="",
    field="",
    value="",
    is_event=False,
    key="k",
    correlation_id="c",
    failed="2026-11-27T09:00:00.000+00:00",
    message=Message(b"old"),
)
