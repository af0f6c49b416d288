"""When to start a process again that ended by itself. Pure, but for asking the process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
FORGIVEN_AFTER = 60.0


class Part(Protocol):
    """Something that runs, or does not."""

    @property
    def alive(self) -> bool: ...


def pause_after(crashes: int) -> float:
    """Seconds to wait after so many crashes in a row: half a second, doubled each time, at most half a minute."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(crashes - 1, 10))


@dataclass(slots=True, kw_only=True)
class Watched:
    """One part of the stack under watch. Instants are seconds of a monotonic clock."""

    name: str
    part: Part
    start: Callable[[], None]
    started_at: float
    crashes: int = 0
    restarts: int = 0
    due_at: float | None = None

    def look(self, now: float) -> str | None:
        """Start it again when that is due. Returns a sentence when something happened, else None."""
        if self.part.alive:
            return None
        if self.due_at is None:
            return self._note_crash(now)
        if now < self.due_at:
            return None
        self.start()
        self.started_at, self.due_at = now, None
        self.restarts += 1
        return f"{self.name} started again"

    def _note_crash(self, now: float) -> str:
        self.crashes = 1 if now - self.started_at > FORGIVEN_AFTER else self.crashes + 1
        pause = pause_after(self.crashes)
        self.due_at = now + pause
        return f"{self.name} ended by itself; it is started again in {pause:g} s"
