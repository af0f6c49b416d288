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
    """What is still to be done: messages in queues, journal rows to send, clocks that wait for a missing version.

    `done` are numbers that move while services work; `fault` says why the rest cannot be known now.
    """

    queued: int
    unsent: int
    gaps: int = 0
    fault: str | None = None
    done: tuple[int, ...] = ()

    @property
    def left(self) -> bool:
        """Whether there is work left, or may be."""
        return bool(self.queued or self.unsent or self.gaps or self.fault)

    def __str__(self) -> str:
        if self.fault is not None:
            return self.fault
        return f"{self.queued:,} messages queued, {self.unsent:,} journal rows unsent, {self.gaps:,} clocks waiting"


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
        elif not backlog.left and now - moved >= QUIET_SECONDS:
            return moved
        elif now - moved > PATIENCE:
            raise Unavailable(f"nothing has moved for {PATIENCE:.0f} s: {backlog}")
        pause(POLL_SECONDS)
