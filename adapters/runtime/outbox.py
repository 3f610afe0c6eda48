"""The way out: what became of reservations, sent to a partner, each change once in effect.

Changes are kept with the resume token after them in one transaction, and taken out when the
partner has them. The adapter's first request asks whether the partner has one already, so a crash
between sending and taking out does not send it twice.

Rules of this file: changes go in the order in which they happened. One that the partner refuses is
a dead letter and holds nothing up; a partner that is away holds everything up, and loses nothing.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from holdfast.edge.client import Client
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import watch_service_pb2 as watch

from ..contract import Change, Done, Message, Outbound, Refused, Response, Undecodable
from ..events import Exceptional
from . import boxes
from .cases import raise_case
from .contained import failure_text
from .controls import LOOK_S, is_paused
from .dead_letters import DEFECT, bury, letter_of
from .facts import Dead
from .flow_metrics import Figures
from .partner import Partner
from .polls import cursor_key, read_cursor
from .records import Waiting
from .settings import Configured
from .store import FULL_S, Store, StoreFull, Tables

#: Requests for one change: a shipment takes eight at Tryton. More is an adapter that goes in
#: circles.
REQUESTS_MAX: Final = 50

CHANGE_TYPE: Final = "application/vnd.holdfast.change+json"

_STATE: Final = "RESERVATION_STATE_"


class Outbox:
    """The changes that one partner is to be told of."""

    def __init__(
        self,
        configured: Configured,
        outbound: Outbound,
        *,
        store: Store,
        client: Client,
        partner: Partner,
        figures: Figures,
        now: Callable[[], datetime],
    ) -> None:
        self.name = configured.name
        self._outbound = outbound
        self._options = configured.options
        self._store = store
        self._client = client
        self._partner = partner
        self._figures = figures
        self._now = now
        self._arrived = asyncio.Event()
        self.watch_error = ""
        """Why the core does not report changes; empty once it has."""

    async def follow(self) -> None:
        """Keep the changes that concern the partner until the task is cancelled. Raises what the
        watch raises, and StoreFailed.
        """
        token = read_cursor(self._store, self.name, "watch")
        async for response in self._client.watch_reservations(resume_token=token):
            self.watch_error = ""
            await self._store.write(partial(self._keep, response))
            self._arrived.set()

    async def run(self) -> None:
        """Tell the partner until the task is cancelled. Raises StoreFailed."""
        while True:
            self._arrived.clear()  # before it looks: what comes meanwhile is not missed
            try:
                if is_paused(self._store, self.name) or not await self.round():
                    await self._wait()
            except StoreFull:
                await asyncio.sleep(FULL_S)  # the next walk finds that the partner has it

    async def round(self) -> bool:
        """Send the oldest change; whether there was one. Raises StoreFailed."""
        waiting = self._oldest()
        if waiting is None:
            return False
        ends: list[Callable[[Tables], None]] = []
        try:
            await self._tell(read_change(waiting.message.body))
            self._figures.sent.labels(self.name, "done").inc()
        except Refused as error:
            ends.append(self._dead(waiting, Dead("REFUSED", error.reason, error.field)))
        except Undecodable as error:
            dead = Dead("ANSWER_UNDECODABLE", str(error), error.field, error.value)
            ends.append(self._dead(waiting, dead))
        except Exception as error:  # noqa: BLE001 - an adapter's defect must not stop the others
            ends.append(self._dead(waiting, Dead(DEFECT, failure_text(error))))
        number = waiting.number

        def change(tables: Tables) -> None:
            boxes.take_out(tables, boxes.OUTBOX, self.name, number)
            for end in ends:
                end(tables)

        await self._store.write(change)
        return True

    def depth(self) -> int:
        """How many changes wait."""
        with self._store.reading() as tables:
            return boxes.depth(tables, boxes.OUTBOX, self.name)

    async def _tell(self, change: Change) -> Done:
        """Walk until the partner has a change. A walk that meets a partner that is away begins
        again: an answer that was lost may be of a request that was carried out.
        """
        return await self._partner.gate.call(partial(self._walk, change))

    async def _walk(self, change: Change) -> Done:
        responses: list[Response] = []
        while len(responses) < REQUESTS_MAX:
            step = self._outbound.next(change, responses, self._options)
            if isinstance(step, Done):
                return step
            judge = partial(self._judge, change, responses)
            responses.append(await self._partner.ask_once(step, judge))
        raise Refused(f"it is not done after {REQUESTS_MAX} requests")

    def _judge(self, change: Change, responses: list[Response], response: Response) -> Response:
        """Let `next` look at a response, so that it may ask for a wait or a new session."""
        self._outbound.next(change, [*responses, response], self._options)
        return response

    def _keep(self, response: watch.WatchReservationsResponse, tables: Tables) -> None:
        for change in changes_of(response):
            if not self._outbound.concerns(change, self._options):
                continue
            number = boxes.new_number(tables)
            message = Message(change_json(change), {"content-type": CHANGE_TYPE}, self._now())
            waiting = Waiting(number, message, change.id, change.correlation_id)
            boxes.put(tables, boxes.OUTBOX, self.name, waiting)
        if response.reset:
            raise_case(self.name, _lost(), self._now())(tables)
        tables.cursors.put(cursor_key(self.name, "watch"), response.resume_token.encode())

    def _oldest(self) -> Waiting | None:
        with self._store.reading() as tables:
            return next((each for each, _ in boxes.waiting(tables, boxes.OUTBOX, self.name)), None)

    def _dead(self, waiting: Waiting, dead: Dead) -> Callable[[Tables], None]:
        self._figures.sent.labels(self.name, "dead_letter").inc()
        letter = letter_of(self.name, waiting, waiting.message, "outbound", dead, self._now())
        return bury(replace(letter, number=waiting.replay_of))

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._arrived.wait()


def changes_of(response: watch.WatchReservationsResponse) -> list[Change]:
    """The changes that a response reports. Lines of a reservation that differ by their ids alone
    are distinguished by their order.
    """
    seen: Counter[str] = Counter()
    changes = []
    for each in response.changes:
        change = _change(each)
        seen[change.id] += 1
        changes.append(replace(change, id=f"{change.id}/{seen[change.id]}"))
    return changes


def change_json(change: Change) -> bytes:
    """A change as the outbox keeps it."""
    return json.dumps(asdict(change) | {"time": change.time.isoformat()}).encode()


def read_change(body: bytes) -> Change:
    """The change that `change_json` wrote."""
    fields: dict[str, Any] = json.loads(body)
    return Change(**fields | {"time": datetime.fromisoformat(fields["time"])})


def _change(change: watch.ReservationChange) -> Change:
    revision = change.revision
    entry = f"{revision.timeline}/{revision.shard}/{revision.sequence}"
    units = f"{change.reservation_id}/{change.sku}/{change.location}/{_state(change.state)}"
    return Change(
        reservation_id=change.reservation_id,
        sku=change.sku,
        location=change.location,
        quantity=change.quantity,
        from_state=_state(change.from_state),
        state=_state(change.state),
        time=change.record_time.ToDatetime(UTC),
        id=f"{entry}/{units}",
        correlation_id=change.correlation_id,
    )


def _state(state: int) -> str:
    return reservation.ReservationState.Name(state).removeprefix(_STATE)


def _lost() -> Exceptional:
    text = "the ledger does not reach back to the last change sent: compare with the partner"
    return Exceptional(source="", id="", kind="changes_lost", subject="", text=text)
