"""Attainment: which part of the decided clocks kept their target (ITIL 4 service level management)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from services.sla.domain.record import Clock
from services.sla.domain.run import ClockState


@dataclass(frozen=True, slots=True, kw_only=True)
class Attainment:
    """Numbers of clocks by verdict. `running` has no verdict yet, paused ones included."""

    met: int = 0
    breached: int = 0
    running: int = 0
    cancelled: int = 0

    @property
    def rate(self) -> float | None:
        """Met over decided, from 0 to 1; None while nothing is decided."""
        decided = self.met + self.breached
        return self.met / decided if decided else None


_COUNTED_AS = {
    ClockState.MET: "met",
    ClockState.BREACHED: "breached",
    ClockState.RUNNING: "running",
    ClockState.PAUSED: "running",
    ClockState.CANCELLED: "cancelled",
}


def count(so_far: Attainment, clock: Clock, now: datetime) -> Attainment:
    """One clock more. A running one that is past its due instant is breached, whether or not that was told yet."""
    overdue = clock.state is ClockState.RUNNING and clock.due_at is not None and clock.due_at < now
    name = "breached" if overdue else _COUNTED_AS[clock.state]
    return replace(so_far, **{name: getattr(so_far, name) + 1})
