"""Thresholds that were passed under inputs that hold no more: passed stays passed, whatever the new inputs say.

They are facts of the clock's life as its events are, and they count in their place in time: one holds when the clock
counted at its instant by all that is known, so an event that comes late can still put it right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.sla.domain.clock import Moment, advance, passing
from services.sla.domain.kinds import Kind
from services.sla.domain.policy import Agreements
from services.sla.domain.run import Run, Threshold, is_counting, terms_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A threshold of one clock, and the instant at which it was passed."""

    kind: Kind
    instance: int | None
    threshold: Threshold


def hold(run: Run, kept: Iterable[Kept], before: datetime, agreements: Agreements) -> tuple[Run, tuple[Moment, ...]]:
    """The clock with what it passed before `before` under earlier inputs, given that nothing else happened."""
    moments = list[Moment]()
    for one in kept:
        if _holds(one, run, before, agreements):
            moments.append(passing(run, one.threshold))
            run = moments[-1].run
    return run, tuple(moments)


def advance_kept(
    run: Run, before: datetime, agreements: Agreements, kept: Sequence[Kept]
) -> tuple[Run, tuple[Moment, ...]]:
    """`services.sla.domain.clock.advance` of a clock that keeps what it passed."""
    run, held = hold(run, kept, before, agreements)
    run, passed = advance(run, before, agreements)
    return run, (*held, *passed)


def _holds(one: Kept, run: Run, before: datetime, agreements: Agreements) -> bool:
    if (one.kind, one.instance) != (run.kind, run.instance) or one.threshold.at >= before:
        return False
    over = any(passed.name == one.threshold.name for passed in run.passed)
    return not over and one.threshold.at >= run.spans[-1].start and is_counting(run, terms_of(run, agreements))
