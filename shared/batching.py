"""How many events are handled in one transaction: a count, and the weight of their bodies.

This is what is begun with: any database is slow with large transactions, and one event becomes about ten documents,
of which some hold its whole text. What may be written in the end is `shared.weight`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, islice

MOST_BYTES = 512 * 1024
"""Of the bodies in a batch, together."""


def fitting(lengths: Iterable[int], count: int, most: int = MOST_BYTES) -> int:
    """How many of the first of these make a batch: up to `count`, together up to `most` bytes, and one in any case."""
    sums = accumulate(islice(lengths, count))
    return max(1, sum(total <= most for total in sums))
