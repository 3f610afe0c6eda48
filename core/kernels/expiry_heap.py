"""When holds end: a binary heap ordered by (time, number), whatever its history was.

`places` says where the entry of a reservation stands, so that it can be taken out of the middle.
"""

from .arguments import EXPIRIES
from .compiled import kernel


@kernel
def _is_before(time, number, other_time, other_number):
    return time < other_time or (time == other_time and number < other_number)


@kernel
def _put(heap, at, time, number):
    heap.times[at] = time
    heap.numbers[at] = number
    heap.places[number] = at + 1


@kernel
def _rise(heap, child, time, number):
    """Put an entry in at `child`, or above it where it belongs."""
    times, numbers = heap.times, heap.numbers
    while child > 0:
        parent = (child - 1) >> 1
        if not _is_before(time, number, times[parent], numbers[parent]):
            break
        _put(heap, child, times[parent], numbers[parent])
        child = parent
    _put(heap, child, time, number)


@kernel
def _sink(heap, size, parent, time, number):
    """Put an entry in at `parent`, or below it where it belongs."""
    times, numbers = heap.times, heap.numbers
    while True:
        child = 2 * parent + 1
        if child >= size:
            break
        if child + 1 < size and _is_before(
            times[child + 1], numbers[child + 1], times[child], numbers[child]
        ):
            child += 1
        if not _is_before(times[child], numbers[child], time, number):
            break
        _put(heap, parent, times[child], numbers[child])
        parent = child
    _put(heap, parent, time, number)


@kernel
def push_expiry(heap, header, time, number):
    """Add one entry."""
    header[EXPIRIES] += 1
    _rise(heap, header[EXPIRIES] - 1, time, number)


@kernel
def pop_expiry(heap, header):
    """Remove the first entry."""
    remove_expiry(heap, header, heap.numbers[0])


@kernel
def remove_expiry(heap, header, number):
    """Remove the entry of a reservation, if it has one."""
    at = heap.places[number] - 1
    if at < 0:
        return
    heap.places[number] = 0
    header[EXPIRIES] -= 1
    size = header[EXPIRIES]
    if at == size:
        return
    time, last = heap.times[size], heap.numbers[size]
    parent = (at - 1) >> 1
    if at > 0 and _is_before(time, last, heap.times[parent], heap.numbers[parent]):
        _rise(heap, at, time, last)
    else:
        _sink(heap, size, at, time, last)
