"""How much one process writes at one moment: commits that together weigh too much go one after another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shared.weight import MOST_WRITTEN


class Turnstile:
    """Lets commits through while together they weigh no more than `most` bytes, and one in any case.

    A process's green threads commit side by side. Their share of the database's cache is that of one transaction,
    whatever their number is (`shared.weight`).
    """

    def __init__(self, most: int = MOST_WRITTEN) -> None:
        self._most = most
        self._inside = 0
        self._changed = threading.Condition()

    @contextmanager
    def passing(self, weight: int) -> Iterator[None]:
        """Wait for room for `weight` bytes, and hold it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._inside or self._inside + weight <= self._most)
            self._inside += weight
        try:
            yield
        finally:
            with self._changed:
                self._inside -= weight
                self._changed.notify_all()
