"""The wish to stop, as signals bring it: the first one stops in order, the second one at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_POLL = 0.05


class Stopped(BaseException):
    """Somebody wished to stop while something was awaited. Not an Exception: nothing on the way may swallow it."""


class Stop:
    """Asked by everything that waits. `hurried` is set by a second wish made while stopping."""

    def __init__(self) -> None:
        self._wished = threading.Event()
        self.stopping = False
        self.hurried = False

    def wish(self) -> None:
        """Wish to stop."""
        self.hurried = self.hurried or self.stopping
        self._wished.set()

    def check(self) -> None:
        """Raise Stopped when somebody wished it."""
        if self._wished.is_set():
            raise Stopped

    def pause(self, seconds: float) -> bool:
        """Wait, or less when somebody wishes to stop; tells whether somebody does."""
        return self._wished.wait(seconds)

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Ask until it holds or the time is over; tells which. Raises Stopped."""
        waited = 0.0
        while not condition():
            if waited >= seconds:
                return False
            self.check()
            self.pause(_POLL)
            waited += _POLL
        return True


@contextmanager
def on_signals(stop: Stop) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP wish to stop for as long as the block runs. Main thread only."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def wish(_number: int, _frame: FrameType | None) -> None:
        stop.wish()

    before = {number: signal.signal(number, wish) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
