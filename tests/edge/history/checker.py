"""The judgement whether one order of all operations explains every answer that was given.

The journal tells in which turn each effect lies, and the revisions of an answer tell the turn in
which it was given: the latest that they name. Turn by turn the checker looks for an order of the
effects in which the model accepts each, and says at some moment what each caller of that turn was
told. It also finds fault with

- an effect that nobody asked for, or that lies in two turns;
- units of a reservation that are not those of the model after the turn;
- holds that end before they are due, or that have not ended when something else happens;
- an answer whose revisions the journal does not have, or that no single moment explains;
- an answer older than one that had come in before its call was sent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

from holdfast.core.commands import Extend, GetAvailability, GetReservation, Move, Reserve
from holdfast.core.ids import Key, key_from_text
from holdfast.core.limits import LINES_KEPT_NS
from holdfast.core.model import State
from tests.edge.history.asked_operations import Attempt, Operation, Unit, hex_of
from tests.edge.history.journal_turns import Queue, Turn
from tests.edge.history.undoing import Undo, keep
from tests.model import Model
from tests.model_reservations import key_text

#: Orders of one turn that are tried.
STEPS_MAX: Final = 100_000

Answered: TypeAlias = tuple[Operation, Attempt]
#: SKU and location; or what else is touched, and its name.
Place: TypeAlias = tuple[str, str]
Queues: TypeAlias = dict[Queue, tuple[Operation, ...]]


class ViolationError(AssertionError):
    """An answer that no order explains, or an effect that none may have."""


class Checker:
    """Leads the model through a journal beside the operations that callers sent."""

    def __init__(
        self, model: Model, operations: Sequence[Operation], turns: Sequence[Turn]
    ) -> None:
        self.model = model
        self.operations = operations
        self.turns = turns
        self.searched = 0
        self._units: Counter[tuple[str, str, str, str]] = Counter()
        self._late: Counter[tuple[str, str, str]] = Counter()
        self._by_unit = {unit: each for each in operations for unit in each.units}
        self._places = _places_of(operations)
        self._revisions = _Revisions(turns)
        self._given: dict[int, list[Answered]] = defaultdict(list)

    def check(self) -> None:
        """Raises ViolationError."""
        lasted_ns = self.turns[-1].now_ns - self.turns[0].now_ns
        assert lasted_ns < LINES_KEPT_NS, "lines may have left, and the model is not swept here"
        self._place_answers()
        for turn in self.turns:
            self._check_turn(turn)
        _require(not self._given, "answers of turns that the journal lacks", self._given)
        self.model.check_invariants()

    def _place_answers(self) -> None:
        """Find the turn of each answer, and judge it by real time."""
        floor = 0
        asked = [(a.asked_at, 1, o, a) for o in self.operations for a in o.attempts]
        came = [(a.answered_at, 0, o, a) for *_, o, a in asked if a.answered_at is not None]
        floors: dict[Operation, int] = {}
        floor_of: dict[Attempt, int] = {}
        for _, is_asked, operation, attempt in sorted(chain(asked, came), key=lambda e: e[:2]):
            if is_asked:
                floors.setdefault(operation, floor)
                floor_of[attempt] = floor
                continue
            low, high = self._revisions.span(attempt, floor_of[attempt])
            _require(floor_of[attempt] <= high, "an answer of the past", operation)
            _require(low <= high, "an answer that no single moment has", operation)
            self._given[low].append((operation, attempt))
            floor = max(floor, low)
        self._floors = floors

    def _check_turn(self, turn: Turn) -> None:
        self._let_expire(turn)
        queues = dict(self._queues(turn))
        given = tuple(self._given.pop(turn.position, ()))
        search = _Search(self.model, self._places, turn.now_ns)
        is_explained = search.explains(queues, given)
        self.searched += search.steps
        _require(is_explained, f"no order explains turn {turn.position}", search.best)
        self._compare_units(turn)

    def _compare_units(self, turn: Turn) -> None:
        """Every line that the turn touched has as many units of each state as in the model."""
        for name, sku, location, state in turn.units:
            place = name, sku, location, state
            self._units[place] += turn.units[place]
            line = self.model.reservations[key_from_text(name)].lines[sku, location, ""]
            _require(self._units[place] == line.units[State[state]], "other units", place)

    def _let_expire(self, turn: Turn) -> None:
        """Let holds end in the model. When many are due, the node takes several turns for it, and
        commands wait for the last of them.
        """
        due = self._late + _due(self.model, turn.now_ns)
        _require(not turn.expired - due, "holds ended that were not due", turn.expired - due)
        self._late = due - turn.expired
        _require(not (self._late and turn.queues), "holds were due and did not end", self._late)
        self.model.expire(turn.now_ns)

    def _queues(self, turn: Turn) -> Iterator[tuple[Queue, tuple[Operation, ...]]]:
        about = {unit for units in turn.queues.values() for unit in units if unit[0] == "request"}
        moved = {self._asked(unit).key for unit in about}
        for queue, units in turn.queues.items():
            found: dict[Operation, None] = {}
            for unit, count in Counter(units).items():
                if unit[0] == "move":
                    operation = self._by_unit.get(unit)
                    if operation is None:
                        key = _reservation_of(unit)
                        names = {key_text(each) for each in moved if each is not None}
                        _require(key in names, "a move that nobody asked for", unit)
                        continue
                else:
                    operation = self._asked(unit)
                    _require(count == 1, "an effect that happened twice", unit)
                _require(
                    operation.effect_at in (None, turn.position), "an effect in two turns", unit
                )
                operation.effect_at = turn.position
                _require(
                    self._floors[operation] <= turn.position, "an effect of the past", operation
                )
                found[operation] = None
            if found:
                yield queue, tuple(found)

    def _asked(self, unit: Unit) -> Operation:
        operation = self._by_unit.get(unit)
        if operation is None:
            raise ViolationError(f"an effect that nobody asked for: {unit}")
        return operation


class _Revisions:
    """Positions of the journal by shard and sequence."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._positions: dict[int, list[int]] = defaultdict(lambda: [0])
        self._timelines: set[int] = set()
        for turn in turns:
            for shard, sequence in turn.sequences.items():
                positions = self._positions[shard]
                _require(len(positions) == sequence, "sequences with a gap", (shard, sequence))
                positions.append(turn.position)

    def span(self, attempt: Attempt, floor: int) -> tuple[int, float]:
        """The first and the last turn in which an answer can have been given. A fault has no
        revisions: what it says was so when it was asked.
        """
        lows, highs = [], []
        for shard, sequence, timeline in attempt.revisions:
            self._timelines.add(timeline)
            positions = self._positions[shard]
            _require(sequence < len(positions), "a revision that the journal lacks", attempt)
            lows.append(positions[sequence])
            is_last = sequence + 1 == len(positions)
            highs.append(float("inf") if is_last else positions[sequence + 1])
        _require(len(self._timelines) <= 1, "revisions of several timelines", self._timelines)
        return (max(lows), min(highs)) if lows else (floor, float("inf"))


class _Search:
    """Looks for an order of the effects of one turn.

    A failure names the places. An operation that touches none of them is not to blame, and
    the search goes back past it (conflict-directed backjumping: Prosser, 1993).
    """

    def __init__(self, model: Model, places: "_Places", now_ns: int) -> None:
        self._model = model
        self._places = places
        self._now_ns = now_ns
        self.steps = 0
        self.best: Sequence[Answered] = ()
        self._least = 1 << 30
        self._in_vain: dict[Any, frozenset[Place]] = {}
        self._trail: list[Undo] = []

    def explains(self, queues: Queues, given: tuple[Answered, ...]) -> bool:
        """Whether an order of what is queued is accepted and explains the answers. The model is
        then led through it, and else as it was.
        """
        return self._conflict(queues, given) is None

    def _conflict(self, queues: Queues, given: tuple[Answered, ...]) -> frozenset[Place] | None:
        """The places on which every order fails; None when one explains all."""
        self.steps += 1
        _require(self.steps <= STEPS_MAX, "too many orders to try them all", self.best)
        given = tuple(each for each in given if not self._is_so(*each))
        if len(given) < self._least:
            self._least, self.best = len(given), given
        mark = len(self._trail)
        for part in self._places.apart(queues, given):
            conflict = self._conflict_of_part(*part)
            if conflict is not None:
                self._go_back(mark)
                return conflict
        return None

    def _conflict_of_part(
        self, queues: Queues, given: tuple[Answered, ...]
    ) -> frozenset[Place] | None:
        left = {operation for queue in queues.values() for operation in queue}
        tried = frozenset(left), given, self._figures(left)
        if tried in self._in_vain:
            return self._in_vain[tried]
        found = self._lost(given, left)
        if found is None:
            found = self._conflict_of_next(queues, given)
        if found is not None:
            self._in_vain[tried] = found
        return found

    def _conflict_of_next(
        self, queues: Queues, given: tuple[Answered, ...]
    ) -> frozenset[Place] | None:
        found: frozenset[Place] = frozenset()
        for operation in self._next(queues, given):
            mark = len(self._trail)
            rest = self._take(operation, given)
            if rest is None:
                conflict = self._places.of(operation)
            else:
                deeper = self._conflict(_after(queues, operation), rest)
                if deeper is None:
                    return None
                conflict = deeper
            self._go_back(mark)
            if not conflict & self._places.of(operation):
                return conflict
            found |= conflict
        return found

    def _take(
        self, operation: Operation, given: tuple[Answered, ...]
    ) -> tuple[Answered, ...] | None:
        """Let an operation take effect, and return the answers that are left to explain; None when
        it would have none now, or another answer.
        """
        if not self._changes(operation):
            return None
        self._trail += keep(self._model, operation)
        answer = operation.answer(self._model, self._now_ns)
        return _without(given, operation, answer)

    def _go_back(self, mark: int) -> None:
        while len(self._trail) > mark:
            self._trail.pop()()

    def _next(self, queues: Queues, given: Iterable[Answered]) -> list[Operation]:
        """Operations that may come next, the likeliest first: those on stock levels that reads saw
        otherwise before those on levels that are as reads saw them; then as they were sent.
        """
        later = {each for queue in queues.values() for each in queue[1:]}
        heads = {queue[0] for queue in queues.values()} - later
        is_right: Counter[Place] = Counter()
        for operation, attempt in given:
            if isinstance(operation.commands[0], GetAvailability):
                now = operation.answer(self._model, self._now_ns)
                for place, figures in attempt.answer.items():
                    is_right[place] += 1 if now.get(place) == figures else -1
        return sorted(
            heads,
            key=lambda each: (
                sum(is_right[place] for place in self._places.of(each)),
                each.attempts[0].asked_at,
            ),
        )

    def _changes(self, operation: Operation) -> bool:
        return operation.changes(self._model, self._now_ns)

    def _is_so(self, operation: Operation, attempt: Attempt) -> bool:
        """Whether a caller would be told now what he was told, without any effect."""
        if self._changes(operation):
            return False
        return bool(attempt.answer == operation.answer(self._model, self._now_ns))

    def _lost(self, given: Iterable[Answered], left: set[Operation]) -> frozenset[Place] | None:
        """The places of an answer that nothing that is left could change."""
        touched = set().union(*(self._places.of(operation) for operation in left))
        places = (self._places.of(operation) for operation, _ in given)
        return next((each for each in places if not each & touched), None)

    def _figures(self, left: Iterable[Operation]) -> tuple[tuple[Any, ...], ...]:
        """The stock levels that are still to be touched, as they are now."""
        levels = (
            self._model.skus.get(place[0], {}).get(place[1])
            for place in sorted(set().union(*map(self._places.of, left)))
        )
        return tuple(
            (e.on_hand, e.reserved, e.committed, e.unposted, *sorted(e.unavailable.items()))
            for e in levels
            if e is not None
        )


class _Places:
    """What operations touch: reservations, stock levels, facts, and sources that number theirs."""

    def __init__(self, lines: dict[Key, frozenset[Place]], locations: set[str]) -> None:
        self._lines = lines
        self._locations = locations
        self._found: dict[Operation, frozenset[Place]] = {}

    def of(self, operation: Operation) -> frozenset[Place]:
        """All that its answer or its effect depends on."""
        if operation not in self._found:
            found = (self._of(command) for command in operation.commands)
            self._found[operation] = frozenset().union(*found)
        return self._found[operation]

    def _of(self, command: Any) -> frozenset[Place]:
        match command:
            case Reserve(key) | Move(_, key) | Extend(key) | GetReservation(key):
                return self._lines.get(key, frozenset()) | {("reservation", key_text(key))}
            case GetAvailability(skus):
                return frozenset((sku, place) for sku in skus for place in self._locations)
            case _:
                events = command.events
                levels = {(event.sku, event.location) for event in events}
                facts = {("fact", hex_of(event.key)) for event in events if event.key}
                sources = {("source", command.source) for event in events if event.sequence}
                return frozenset(levels | facts | sources)

    def apart(
        self, queues: Queues, given: Sequence[Answered]
    ) -> Iterator[tuple[Queues, tuple[Answered, ...]]]:
        """What happened in a turn, in parts that touch nothing of each other."""
        operations = {each for queue in queues.values() for each in queue}
        operations |= {operation for operation, _ in given}
        while operations:
            part, reached = set(), self.of(next(iter(operations)))
            while more := {each for each in operations if self.of(each) & reached}:
                operations -= more
                part |= more
                reached = reached.union(*map(self.of, more))
            inside = {
                name: tuple(each for each in queue if each in part)
                for name, queue in queues.items()
            }
            yield (
                {name: queue for name, queue in inside.items() if queue},
                tuple(each for each in given if each[0] in part),
            )


def _places_of(operations: Iterable[Operation]) -> _Places:
    reserves = [each for o in operations for each in o.commands if isinstance(each, Reserve)]
    lines = {each.key: frozenset((e.sku, e.location) for e in each.lines) for each in reserves}
    return _Places(lines, {place for levels in lines.values() for _, place in levels})


def _after(queues: Queues, done: Operation) -> Queues:
    shorter = {name: queue[1:] if queue[0] is done else queue for name, queue in queues.items()}
    return {name: queue for name, queue in shorter.items() if queue}


def _without(
    given: tuple[Answered, ...], operation: Operation, answer: Any
) -> tuple[Answered, ...] | None:
    """The answers but for the one that an effect explains; None when the one of an operation
    says something else.
    """
    for index, (other, attempt) in enumerate(given):
        if other is operation and attempt.answer == answer:
            return given[:index] + given[index + 1 :]
    has_other_answer = any(other is operation for other, _ in given)
    return None if has_other_answer and len(operation.attempts) == 1 else given


def _due(model: Model, now_ns: int) -> Counter[tuple[str, str, str]]:
    """Units whose hold is over, by reservation, SKU and location."""
    return Counter(
        {
            (key_text(key), sku, location): line.units[State.HELD]
            for key, held in model.holding.items()
            if held.expires_at_ns <= now_ns
            for (sku, location, _), line in held.lines.items()
            if line.units[State.HELD]
        }
    )


def _reservation_of(unit: Unit) -> str:
    return unit[1].rpartition(" ")[0]


def _require(is_so: bool, what: str, shown: object) -> None:
    if not is_so:
        raise ViolationError(f"{what}: {str(shown)[:2_000]}")
