"""Work that comes in at once is spread over rounds of the loop, fairly."""

import asyncio
from collections import deque

from holdfast.edge.server.fair_rounds import BYTES_A_ROUND, PIECES_A_ROUND, Rounds


class Pieces:
    """Pieces of work of these sizes; says in which round of the loop each was done."""

    def __init__(self, *sizes: int) -> None:
        self.left = deque(sizes)
        self.done = 0

    def work(self) -> int | None:
        if not self.left:
            return None
        self.done += 1
        return self.left.popleft()


async def done_by_round(*sources: Pieces) -> list[tuple[int, ...]]:
    """How much each source has done after each round, until all is done."""
    rounds = Rounds()
    for source in sources:
        rounds.add(source)
    progress = []
    while any(source.left for source in sources):
        await asyncio.sleep(0)
        progress.append(tuple(source.done for source in sources))
    return progress


async def test_a_round_has_so_many_pieces() -> None:
    flood = Pieces(*[0] * (2 * PIECES_A_ROUND + 1))
    assert [(PIECES_A_ROUND,), (2 * PIECES_A_ROUND,), (2 * PIECES_A_ROUND + 1,)] == (
        await done_by_round(flood)
    )


async def test_a_round_ends_with_the_piece_that_fills_it() -> None:
    assert [(2,), (3,)] == await done_by_round(Pieces(BYTES_A_ROUND, 1, BYTES_A_ROUND))


async def test_sources_take_turns() -> None:
    """One piece each, so that a flood at one leaves the other alone."""
    flood, other = Pieces(*[0] * PIECES_A_ROUND), Pieces(0, 0)
    assert (PIECES_A_ROUND - 3, 2) == (await done_by_round(flood, other))[0]


async def test_a_source_that_had_no_more_begins_again() -> None:
    rounds, source = Rounds(), Pieces(0)
    rounds.add(source)
    assert "<Rounds, 1 sources>" == repr(rounds)
    await asyncio.sleep(0)
    assert "<Rounds, 0 sources>" == repr(rounds)
    source.left.append(0)
    rounds.add(source)
    await asyncio.sleep(0)
    assert 2 == source.done


async def test_a_source_that_fails_does_not_keep_the_others_from_theirs() -> None:
    class Broken:
        def work(self) -> int | None:
            raise ZeroDivisionError

    raised: list[BaseException] = []
    loop, rounds, other = asyncio.get_running_loop(), Rounds(), Pieces(0, 0)
    loop.set_exception_handler(lambda _loop, context: raised.append(context["exception"]))
    rounds.add(Broken())
    rounds.add(other)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not other.left
    assert [ZeroDivisionError] == [type(error) for error in raised]
