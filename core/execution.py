"""Which of the waiting commands a turn executes, and in which order.

Commands run in the order in which they came, until the turn has done enough. The exception is
single-line Reserves next to each other: they run shard by shard, so that one call of a kernel
decides all those of a shard. What the turn has no time for goes back to the front of its mailbox.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from inspect import isgeneratorfunction
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeAlias, cast

from .actor import Actor, Mail, Origin, Ticket
from .commands import Outcome, RecordStockEvents, Reserve
from .commands.naming import put_names
from .commands.registry import OPERATIONS
from .rules import single_line
from .rules.reservations import Reservations
from .rules.supply_reserves import SupplyReserves
from .tables.shard import Shard
from .tables.sku_names import SkuNames
from .tables.writing import record_origin
from .work import LINE_NAMED, ORIGIN_NOTED, STEPS_BEGUN, Steps, Work

_ARRIVAL, _COMMAND = attrgetter("arrival"), attrgetter("command")

Rules: TypeAlias = Mapping[type, Callable[[Any, int], Any]]


def _is_plain(mail: Mail) -> bool:
    """Whether it is a single-line Reserve that can share a call of a kernel with others. One on
    somebody's behalf cannot: what it writes is noted with its principal.
    """
    return single_line.takes(mail.command) and not (mail.origin and mail.origin.principal)


def _reserves(plain: Sequence[Mail]) -> list[Reserve]:
    """The commands of plain mails."""
    return cast(list[Reserve], list(map(_COMMAND, plain)))


class Execution:
    """Executes what the mailboxes hold, each command by its rule."""

    def __init__(
        self,
        actors: Sequence[Actor],
        rules: Rules,
        reservations: Reservations,
        backorders: SupplyReserves,
        sku_names: SkuNames,
        work: Work,
    ) -> None:
        self.actors = actors
        self.rules = rules
        self.shards = reservations.shards
        self.homes = reservations.homes
        self.reservations = reservations
        self.backorders = backorders
        self.sku_names = sku_names
        self.work = work
        self.now_ns = 0
        self._long = {each for each, rule in rules.items() if isgeneratorfunction(rule)}

    def run(self, now_ns: int, work_max: float) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute commands and yield their outcomes. `work_max` is the work of a whole turn, in
        microseconds; this one still has `work.left` of it.
        """
        self.now_ns = now_ns
        share = self._share(work_max)
        boxes = [actor.take(share) for actor in self.actors]
        left: list[list[Mail]] = [[] for _ in boxes]
        mails = [mail for box in boxes for mail in box]
        if all(map(_is_plain, mails)) and self._are_as_named(mails):
            yield from self._run_plain(boxes, left)
        else:
            yield from self._run_mixed(boxes, left, share)
        for actor, box, waiting in zip(self.actors, boxes, left, strict=True) if any(left) else ():
            if waiting:  # as they came: those in `left` have first names by now
                actor.put_back(box[-len(waiting) :])

    def _are_as_named(self, mails: Sequence[Mail]) -> bool:
        """Whether no plain mail names a SKU by a later name. So each lies where its SKU is: a name
        that leads to another one goes on to, and mails that wait have the names they came with.
        """
        if not (first := self.sku_names.first):
            return True
        return first.keys().isdisjoint(single_line.skus_of(_reserves(mails)))

    def _share(self, work_max: float) -> float:
        """How much of the turn one mailbox may take, in microseconds: all of it when there is time
        for everything that waits, else the same as the others, so that a flood on one shard delays
        the others by a turn. The weight of a command that has begun does not show what is left of
        it, so then the shares are equal too.
        """
        weights = [actor.weight for actor in self.actors if actor.mailbox]
        has_begun = any(actor.begun for actor in self.actors)
        if not weights or (sum(weights) <= self.work.left and not has_begun):
            return work_max
        return max(1, self.work.left / len(weights))

    def _run_mixed(
        self, boxes: Sequence[list[Mail]], left: Sequence[list[Mail]], share: float
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute in the order of arrival, until the turn is over. What is not done goes to `left`,
        with everything after it in its mailbox.
        """
        whole = self.work.left
        names = self.sku_names
        # Lazily: a rename earlier in the same turn counts for the commands after it.
        came = merge(*boxes, key=_ARRIVAL)
        mails = (self._inside(mail) if names.first else mail for mail in came)
        for (is_plain, origin), run in groupby(mails, self._kind):
            if self.work.is_over and self.work.left < whole:
                for mail in run:
                    left[mail.shard].append(mail)
                continue
            if is_plain:
                answers = self._run_plain(self._by_home(run, left), left)
            else:
                answers = self._run_each(run, left, share, whole)
            yield from self._noted(origin, answers) if origin else answers

    def _inside(self, mail: Mail) -> Mail:
        """The mail with each SKU under its first name. A message of stock facts may be long, so its
        rule renames them a few at a time.
        """
        command, first = mail.command, self.sku_names.first
        if type(command) is RecordStockEvents or single_line.is_as_named(command, first):
            return mail
        return mail._replace(command=put_names(mail.command, self.sku_names.first))

    def _kind(self, mail: Mail) -> tuple[bool, Origin | None]:
        """What mails that run together have in common: whether they are plain and, if not, their
        origin. A Reserve that was posted under a later name of its SKU lies in the mailbox of that
        name, perhaps another shard's, and is not plain.
        """
        is_plain = _is_plain(mail)
        if is_plain and self.sku_names.first:
            command = cast(Reserve, mail.command)
            is_plain = self.homes.of_sku(command.lines[0].sku) == mail.shard
        return is_plain, None if is_plain else mail.origin

    def _outside(self, outcome: Outcome) -> Outcome:
        """The outcome with each SKU under its current name."""
        if not self.sku_names.first:
            return outcome
        # Twice: `_inside` has renamed the lines of the command as well.
        parts = (outcome, getattr(outcome, "refusal", None))
        lines = sum(len(getattr(each, "lines", ())) for each in parts)
        self.work.spend(2 * LINE_NAMED * lines)
        return put_names(outcome, self.sku_names.shown)

    def _run_each(
        self, run: Iterable[Mail], left: Sequence[list[Mail]], share: float, whole: float
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute one after the other. A command that is the first to use the turn's `whole` work
        runs whatever it weighs, or it would wait for ever.
        """
        for mail in run:
            outcome = None
            self.work.is_first = self.work.left == whole
            if not left[mail.shard] and (self.work.is_first or self._has_time(mail)):
                outcome = self._execute(mail, share)
                if not OPERATIONS[type(mail.command)].is_read:
                    self.backorders.settle()
            if outcome is None:
                left[mail.shard].append(mail)
            else:
                yield mail.ticket, self._outside(outcome)

    def _noted(
        self, origin: Origin, answers: Iterator[tuple[Ticket, Outcome]]
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """The same answers; the origin is noted with everything that is written for them."""
        before = [shard.effects.written() for shard in self.shards]
        yield from answers
        self.work.spend(len(self.shards) * ORIGIN_NOTED)
        for shard, written in zip(self.shards, before, strict=True):
            record_origin(shard, origin.principal, origin.correlation, written)

    def _by_home(self, run: Iterable[Mail], left: Sequence[list[Mail]]) -> list[list[Mail]]:
        """Mails by shard. Where something is left already, they are left after it."""
        boxes: list[list[Mail]] = [[] for _ in self.shards]
        for mail in run:
            (left if left[mail.shard] else boxes)[mail.shard].append(mail)
        return boxes

    def _run_plain(
        self, boxes: Sequence[list[Mail]], left: Sequence[list[Mail]]
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute single-line Reserves, given by the shard of their SKU."""
        for shard, box in zip(self.shards, boxes, strict=True):
            if box:
                outcomes = self._reserve_run(shard, box)
                yield from zip((mail.ticket for mail in box), outcomes, strict=False)
                left[shard.number].extend(box[len(outcomes) :])

    def _reserve_run(self, shard: Shard, box: Sequence[Mail]) -> single_line.Outcomes:
        """The outcomes of the first of these Reserves, as many as the turn has time for."""
        reserves = _reserves(box)
        ids = [mail.origin.correlation if mail.origin else "" for mail in box]
        outcomes = single_line.reserve_run(self.reservations, shard, reserves, ids, self.now_ns)
        if self.sku_names.first:
            return single_line.renamed(reserves, outcomes, self.sku_names.shown)
        return outcomes

    def _has_time(self, mail: Mail) -> bool:
        """Whether the turn has time for a command. One that runs in steps, or has begun, can use
        any time that is left.
        """
        is_long = type(mail.command) in self._long or self.actors[mail.shard].begun
        return self.work.left > (0 if is_long else mail.weight)

    def _execute(self, mail: Mail, share: float) -> Outcome | None:
        """The outcome of a command, or None if the next turn goes on with it. A long rule runs in
        steps; any other may end in steps, which it returns, or find that its turn has no time for
        it, and return None.
        """
        command, actor = mail.command, self.actors[mail.shard]
        if actor.begun:
            return self._go_on(actor, actor.begun, self.now_ns, share)
        self.work.spend(STEPS_BEGUN if type(command) in self._long else mail.weight)
        result = self.rules[type(command)](command, self.now_ns)
        if isinstance(result, Generator):
            return self._go_on(actor, result, None, share)
        return cast(Outcome | None, result)

    def _go_on(
        self, actor: Actor, steps: Steps[Any], now_ns: int | None, share: float
    ) -> Outcome | None:
        """Run steps for the mailbox's share of the turn. `now_ns` is None for steps that begin: a
        new generator cannot be sent a value.
        """
        actor.begun = steps
        others = max(0.0, self.work.left - share)
        self.work.left -= others
        try:
            steps.send(cast(int, now_ns))
        except StopIteration as end:
            actor.begun = None
            return cast(Outcome, end.value)
        finally:
            self.work.left += others
        return None
