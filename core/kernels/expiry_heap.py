"""When holds end: a binary heap ordered by (time, number), whatever its history was."""

from .arguments import EXPIRIES
from .compiled import kernel


@kernel
def _before(heap, a, b):
    times, numbers = heap.times, heap.numbers
    return times[a] < times[b] or (times[a] == times[b] and numbers[a] < numbers[b])


@kernel
def _swap(heap, a, b):
    times, numbers = heap.times, heap.numbers
    times[a], times[b] = times[b], times[a]
    numbers[a], numbers[b] = numbers[b], numbers[a]


@kernel
def push_expiry(heap, header, time, number):
    """Add one entry."""
    times, numbers = heap.times, heap.numbers
    child = header[EXPIRIES]
    header[EXPIRIES] += 1
    while child > 0:
        parent = (child - 1) >> 1
        if times[parent] < time or (times[parent] == time and numbers[parent] <= number):
            break
        times[child] = times[parent]
        numbers[child] = numbers[parent]
        child = parent
    times[child] = time
    numbers[child] = number


@kernel
def pop_expiry(heap, header):
    """Remove the first entry."""
    header[EXPIRIES] -= 1
    size = header[EXPIRIES]
    heap.times[0] = heap.times[size]
    heap.numbers[0] = heap.numbers[size]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= size:
            return
        if child + 1 < size and _before(heap, child + 1, child):
            child += 1
        if not _before(heap, child, parent):
            return
        _swap(heap, child, parent)
        parent = child
