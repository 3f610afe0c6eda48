"""What a turn executes of what waits in the mailboxes, and in which order.

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
from .tables.sku_names import SkuNames
from .tables.writing import record_origin
from .work import LINE_NAMED, ORIGIN_NOTED, Steps, Work

_ARRIVAL = attrgetter("arrival")

Rules: TypeAlias = Mapping[type, Callable[[Any, int], Any]]


def _is_plain(mail: Mail) -> bool:
    """Whether it is a single-line Reserve on nobody's behalf, which runs with others."""
    return single_line.takes(mail.command) and not (mail.origin and mail.origin.principal)


class Execution:
    """Executes commands of these mailboxes by these rules."""

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
        """Execute what waits, and tell the outcomes. `work_max` is what a whole turn may do, of
        which `work.left` is left.
        """
        self.now_ns = now_ns
        share = self._share(work_max)
        boxes = [actor.take(share) for actor in self.actors]
        left: list[list[Mail]] = [[] for _ in boxes]
        mails = [mail for box in boxes for mail in box]
        if all(map(_is_plain, mails)) and not self.sku_names.first:
            yield from self._run_plain(boxes, left)
        else:
            yield from self._run_mixed(boxes, left, share)
        for shard, waiting in enumerate(left) if any(left) else ():
            if waiting:
                self.actors[shard].put_back(waiting)

    def _share(self, work_max: float) -> float:
        """What one mailbox may take of the turn: as much as it likes when there is time for all,
        else as much as the others, so that a flood on one shard delays the others by a turn. What a
        command that has begun still takes is not known from its weight.
        """
        weights = [actor.weight for actor in self.actors if actor.mailbox]
        has_begun = any(actor.begun for actor in self.actors)
        if not weights or (sum(weights) <= self.work.left and not has_begun):
            return work_max
        return max(1, self.work.left / len(weights))

    def _run_mixed(
        self, boxes: Sequence[list[Mail]], left: Sequence[list[Mail]], share: float
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute in the order in which it came, until the turn is over. `left` gets what is not
        done, and what lies behind that in its mailbox.
        """
        whole = self.work.left
        names = self.sku_names
        # A rename may come before in the same turn, so each is looked at when its turn comes.
        came = merge(*boxes, key=_ARRIVAL)
        mails = (self._inside(mail) if names.first else mail for mail in came)
        for (is_plain, origin), run in groupby(mails, self._kind):
            if is_plain:
                answers = self._run_plain(self._by_home(run, left), left)
            else:
                answers = self._run_each(run, left, share, whole)
            yield from self._noted(origin, answers) if origin else answers

    def _inside(self, mail: Mail) -> Mail:
        """The mail with the first name of each SKU that it names. Stock facts may be many: their
        rule names some at a time.
        """
        command, first = mail.command, self.sku_names.first
        if type(command) is RecordStockEvents or single_line.is_as_named(command, first):
            return mail
        return mail._replace(command=put_names(mail.command, self.sku_names.first))

    def _kind(self, mail: Mail) -> tuple[bool, Origin | None]:
        """Mail of one kind can run together: plain or not, and of which origin if not. A plain one
        may lie in the mailbox of a name that its SKU has got since.
        """
        is_plain = _is_plain(mail)
        if is_plain and self.sku_names.first:
            command = cast(Reserve, mail.command)
            is_plain = self.homes.of_sku(command.lines[0].sku) == mail.shard
        return is_plain, None if is_plain else mail.origin

    def _outside(self, outcome: Outcome) -> Outcome:
        """The outcome with the name by which each SKU is called now."""
        if not self.sku_names.first:
            return outcome
        # Before the command its lines were named, which took as long.
        self.work.spend(2 * LINE_NAMED * len(getattr(outcome, "lines", ())))
        return put_names(outcome, self.sku_names.shown)

    def _run_each(
        self, run: Iterable[Mail], left: Sequence[list[Mail]], share: float, whole: float
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute one after the other. The first command of a turn, when its `whole` work is left,
        is executed whatever it weighs.
        """
        for mail in run:
            outcome = None
            is_first = self.work.left == whole
            if not left[mail.shard] and (is_first or self._has_time(mail)):
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
        """The answers, with a note of their origin on all that was written for them."""
        before = [shard.effects.written() for shard in self.shards]
        yield from answers
        self.work.spend(len(self.shards) * ORIGIN_NOTED)
        for shard, written in zip(self.shards, before, strict=True):
            record_origin(shard, origin.principal, origin.correlation, written)

    def _by_home(self, run: Iterable[Mail], left: Sequence[list[Mail]]) -> list[list[Mail]]:
        boxes: list[list[Mail]] = [[] for _ in self.shards]
        for mail in run:
            (left if left[mail.shard] else boxes)[mail.shard].append(mail)
        return boxes

    def _run_plain(
        self, boxes: Sequence[list[Mail]], left: Sequence[list[Mail]]
    ) -> Iterator[tuple[Ticket, Outcome]]:
        """Execute Reserves of one line each, which lie by the shard of their SKU."""
        for shard, box in zip(self.shards, boxes, strict=True):
            if box:
                reserves = [cast(Reserve, mail.command) for mail in box]
                ids = [mail.origin.correlation if mail.origin else "" for mail in box]
                outcomes = single_line.reserve_run(
                    self.reservations, shard, reserves, ids, self.now_ns
                )
                if self.sku_names.first:
                    outcomes = single_line.renamed(reserves, outcomes, self.sku_names.shown)
                yield from zip((mail.ticket for mail in box), outcomes, strict=False)
                if len(outcomes) < len(box):
                    left[shard.number].extend(box[len(outcomes) :])

    def _has_time(self, mail: Mail) -> bool:
        """Whether a command may begin in what is left of the turn; a long one, and one that has
        begun, may go on in any rest.
        """
        is_long = type(mail.command) in self._long or self.actors[mail.shard].begun
        return self.work.left > (0 if is_long else mail.weight)

    def _execute(self, mail: Mail, share: float) -> Outcome | None:
        """The outcome of a command; None of one that goes on in the next turn. A long rule takes
        steps, and so may any other at its end.
        """
        command, actor = mail.command, self.actors[mail.shard]
        if actor.begun:
            return self._go_on(actor, actor.begun, self.now_ns, share)
        if type(command) not in self._long:
            self.work.spend(mail.weight)
        told = self.rules[type(command)](command, self.now_ns)
        if isinstance(told, Generator):
            return self._go_on(actor, told, None, share)
        return cast(Outcome, told)

    def _go_on(
        self, actor: Actor, steps: Steps[Any], now_ns: int | None, share: float
    ) -> Outcome | None:
        """Take steps for the mailbox's share of the turn; those that begin get no time."""
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
