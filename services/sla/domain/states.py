"""What the facts of the fold make of a clock, as a table: for readers, and for a test that holds the fold to it.

The fold itself needs no table: a clock's state follows from its spans and its terms (`run.state_of`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.sla.domain.run import ClockState


class Fact(StrEnum):
    """What is told of a clock: the events of sla without their prefix."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    RECOMPUTED = "recomputed"
    WARNED = "warned"
    BREACHED = "breached"
    PASSED = "passed"
    MET = "met"
    CANCELLED = "cancelled"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where a fact leaves a clock; in `others`, where other terms or waiting reasons do."""

    to: ClockState
    others: tuple[ClockState, ...] = ()


# A further agreement may come to hold for an incident that waits.
STARTS: Mapping[Fact, Move] = {Fact.STARTED: Move(to=ClockState.RUNNING, others=(ClockState.PAUSED,))}

_RUNNING, _PAUSED, _MET = ClockState.RUNNING, ClockState.PAUSED, ClockState.MET
_BREACHED, _CANCELLED = ClockState.BREACHED, ClockState.CANCELLED

MOVES: Mapping[tuple[ClockState, Fact], Move] = {
    (_RUNNING, Fact.PAUSED): Move(to=_PAUSED),
    (_RUNNING, Fact.RESUMED): Move(to=_RUNNING),
    (_RUNNING, Fact.RECOMPUTED): Move(to=_RUNNING, others=(_PAUSED,)),
    (_RUNNING, Fact.WARNED): Move(to=_RUNNING),
    (_RUNNING, Fact.BREACHED): Move(to=_BREACHED),
    (_RUNNING, Fact.MET): Move(to=_MET),
    (_RUNNING, Fact.CANCELLED): Move(to=_CANCELLED),
    (_PAUSED, Fact.PAUSED): Move(to=_PAUSED),
    (_PAUSED, Fact.RESUMED): Move(to=_RUNNING),
    (_PAUSED, Fact.RECOMPUTED): Move(to=_PAUSED, others=(_RUNNING,)),
    # A change that is told of in no event of its own may let a clock run again by other terms.
    (_PAUSED, Fact.WARNED): Move(to=_RUNNING),
    (_PAUSED, Fact.BREACHED): Move(to=_BREACHED),
    (_PAUSED, Fact.MET): Move(to=_MET),
    (_PAUSED, Fact.CANCELLED): Move(to=_CANCELLED),
    (_MET, Fact.RESUMED): Move(to=_RUNNING),
    (_MET, Fact.PAUSED): Move(to=_PAUSED),
    (_CANCELLED, Fact.RESUMED): Move(to=_RUNNING),
    (_CANCELLED, Fact.PAUSED): Move(to=_PAUSED),
    (_CANCELLED, Fact.MET): Move(to=_MET),
    # The policies in force know a target again.
    (_CANCELLED, Fact.RECOMPUTED): Move(to=_RUNNING, others=(_PAUSED, _MET, _BREACHED)),
    # Changed inputs put the target before what has been told since.
    (_MET, Fact.BREACHED): Move(to=_BREACHED),
    (_CANCELLED, Fact.BREACHED): Move(to=_BREACHED),
    # A verdict stands, whatever becomes of the incident.
    (_BREACHED, Fact.PAUSED): Move(to=_BREACHED),
    (_BREACHED, Fact.RESUMED): Move(to=_BREACHED),
    (_BREACHED, Fact.PASSED): Move(to=_BREACHED),
    (_BREACHED, Fact.RECOMPUTED): Move(to=_BREACHED),
    (_BREACHED, Fact.ENDED): Move(to=_BREACHED),
}
"""(state, fact) -> state; the fold tells no other fact in that state."""
