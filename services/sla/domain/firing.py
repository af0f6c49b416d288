"""Whether a threshold that is told acts, and what it asked for.

A threshold acts once, when it is told first. One that is told late (sla was away, or the facts came late) acts only
while it still has its point, judged by all that sla knows at that moment:

- the clock must still run: one that has stopped, stands, or was started anew since needs nobody's hurry;
- no later threshold of the clock may be passed: it asks for what is right now, and would otherwise ask second;
- history that was brought over asks for nothing.

The fact itself is told in any case, with what it did not ask for and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.sla.domain.actions import Action
from services.sla.domain.policy import Agreements
from services.sla.domain.run import Run, Threshold, is_counting, terms_of


class Firing(StrEnum):
    """Whether a threshold acts, and if not, why."""

    ACTS = "acts"
    HISTORY = "history"
    ACTED_BEFORE = "acted-before"
    CLOCK_STANDS = "clock-does-not-run"
    OVERTAKEN = "later-threshold-passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An action that a threshold asked for, and whether some service has said that it took it."""

    threshold: str
    action: Action
    at: datetime
    taken: bool = False


def firing(
    threshold: Threshold, asked: tuple[Asked, ...], known: Run, agreements: Agreements, *, backfill: bool
) -> Firing:
    """Whether the threshold acts; `known` is the clock with all that is known now, `asked` what it asked for before."""
    if backfill:
        return Firing.HISTORY
    if any(one.threshold == threshold.name and one.at >= known.since for one in asked):
        return Firing.ACTED_BEFORE
    if not is_counting(known, terms_of(known, agreements)) or threshold not in known.passed:
        return Firing.CLOCK_STANDS
    return Firing.ACTS if known.passed[-1] == threshold else Firing.OVERTAKEN


def asks(threshold: Threshold, how: Firing) -> tuple[Asked, ...]:
    """What the threshold asks for."""
    if how is not Firing.ACTS:
        return ()
    return tuple(Asked(threshold=threshold.name, action=one, at=threshold.at) for one in threshold.mark.actions)
