"""Numbers for people, from reserved blocks: a replica takes a thousand at a time, outside any transaction.

So a number is never given twice, and numbers may have gaps: what a replica had not used when it stopped is skipped.
"""

from __future__ import annotations

import threading

from shared.ids import format_number
from shared.store import Store


class Numbers:
    """Gives the next number of each prefix. Safe for threads."""

    def __init__(self, store: Store, block: int = 1000) -> None:
        self._store = store
        self._block = block
        self._left: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    def next(self, prefix: str) -> str:
        """A number nobody has: `INC0000001`. Raises Unavailable when a new block cannot be had."""
        with self._lock:
            left = self._left.get(prefix)
            if not left:
                first = self._store.reserve(prefix, self._block)
                left = self._left[prefix] = list(range(first + self._block - 1, first - 1, -1))
            return format_number(prefix, left.pop())
