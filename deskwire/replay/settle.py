"""Waits until the last effect of what was published is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import Unavailable

QUIET_SECONDS = 3.0
"""How long everything must stand still. Longer than the first rungs of the retry ladder and the gauges' period."""
PATIENCE = 300.0
"""Seconds in which nothing at all moves although work is left, after which waiting has no sense."""
POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What is still to be done, and how much was done so far. `done` moves while services work."""

    queued: int
    unsent: int
    done: tuple[int, ...]

    @property
    def left(self) -> int:
        """Messages and journal rows that wait."""
        return self.queued + self.unsent


def settle(
    look: Callable[[], Backlog],
    *,
    told: Callable[[Backlog], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> float:
    """Wait until nothing is left and nothing moves for QUIET_SECONDS; returns the instant of the last movement.

    A message in a consumer's hands is in no queue's count: that is why standing still is part of being done.
    Raises Unavailable when work is left and nothing has moved for PATIENCE.
    """
    last: Backlog | None = None
    moved = monotonic()
    while True:
        now = monotonic()
        backlog = look()
        told(backlog)
        if backlog != last:
            last, moved = backlog, now
        elif backlog.left == 0 and now - moved >= QUIET_SECONDS:
            return moved
        elif now - moved > PATIENCE:
            raise Unavailable(f"nothing moves: {backlog.queued} messages and {backlog.unsent} journal rows are left")
        pause(POLL_SECONDS)
