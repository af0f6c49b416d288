"""Reading the journal by position: what feeds, back-tests and rebuilt projections stand on.

Positions are gapless and in order of commit, so a reader that remembers the last one it has seen misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.envelope import Envelope, decode
from shared.store import JOURNAL, Store

WINDOW = 500


def read_after(store: Store, position: int, *, window: int = WINDOW) -> list[tuple[int, Envelope]]:
    """The events at the positions after `position`, at most `window` of them, in order; empty at the end.

    A position is there as soon as the relay has given it, whether or not the broker has confirmed the event yet.
    """
    rows = store.find(JOURNAL, {}, sort="position", after=position, until=position + window, limit=window)
    return [(int(row["position"]), decode(bytes(row["body"]), max_bytes=len(row["body"]))) for row in rows]


def read_all(store: Store, position: int = 0) -> Iterator[tuple[int, Envelope]]:
    """Every event after `position`, window by window."""
    while found := read_after(store, position):
        yield from found
        position = found[-1][0]
