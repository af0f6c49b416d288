"""The public record of a clock, and which facts of the fold are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.sla.domain.clock import Moment
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements, Kind
from services.sla.domain.run import (
    ClockState,
    Run,
    Threshold,
    due_at,
    elapsed,
    next_threshold,
    state_of,
    stopped_at,
    terms_of,
)
from services.sla.events import BREACHED, WARNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A clock as of the last fact that was told about it: a copy of the fold for lists, reports and events.

    `rule` of `policy_version` chose the policy; `matched` says why. `due_at` is None while the clock stands. `warned`
    are the thresholds told so far. `place` orders clocks by their start; it never changes.
    """

    incident: str
    kind: Kind
    state: ClockState
    priority: str
    policy: str
    policy_version: str
    rule: int
    matched: str
    started_at: datetime
    due_at: datetime | None
    elapsed_seconds: float
    target_seconds: float
    breached_at: datetime | None
    stopped_at: datetime | None
    place: str
    warned: tuple[int, ...] = ()
    service: str | None = None
    team: str | None = None
    level: int | None = None
    organisation: str | None = None
    restricted: bool = False
    backfill: bool = False


class Telling(StrEnum):
    """Whether a fact is told, and if not, why."""

    TELL = "tell"
    TOLD_BEFORE = "told-before"
    HISTORY = "history"


def telling(clock: Clock | None, moment: Moment, *, backfill: bool) -> Telling:
    """A threshold is told once, and a warning never for history that was brought over."""
    event = moment.event
    if event.type == BREACHED:
        before = clock is not None and clock.state is ClockState.BREACHED
        return Telling.TOLD_BEFORE if before else Telling.TELL
    if event.type == WARNED:
        if backfill:
            return Telling.HISTORY
        before = clock is not None and event.change["percent"] in clock.warned
        return Telling.TOLD_BEFORE if before else Telling.TELL
    return Telling.TELL


def is_threshold(moment: Moment) -> bool:
    """Whether the fact came by time alone."""
    return moment.event.type in (WARNED, BREACHED)


def describe(clock: Clock | None, moment: Moment, latest: Entry, agreements: Agreements, place: str) -> Clock:
    """The record after `moment`; `latest` is the entry in force, `place` counts for a new record only."""
    run, at = moment.run, moment.event.at
    terms = terms_of(run, agreements)
    percent = moment.event.change.get("percent")
    warned = () if clock is None else clock.warned
    return Clock(
        incident=latest.incident,
        kind=run.kind,
        state=state_of(run, terms),
        priority=run.priority,
        policy=terms.policy.name,
        policy_version=terms.match.version,
        rule=terms.match.rule,
        matched=terms.match.why,
        started_at=run.spans[0].start,
        due_at=due_at(run, terms),
        elapsed_seconds=elapsed(run, at, terms).total_seconds(),
        target_seconds=terms.policy.target(run.kind).total_seconds(),
        breached_at=run.breached_at,
        stopped_at=stopped_at(run),
        place=place if clock is None else clock.place,
        warned=warned if percent is None else (*warned, percent),
        service=latest.service,
        team=latest.team,
        level=latest.level,
        organisation=latest.organisation,
        restricted=latest.restricted,
        backfill=latest.backfill,
    )


def awaited(clock: Clock, run: Run, latest: Entry, agreements: Agreements) -> Threshold | None:
    """The threshold that the ticker must look at next; None for a clock that does not run or is history."""
    if clock.state is not ClockState.RUNNING or latest.backfill:
        return None
    return next_threshold(run, agreements, told=frozenset(clock.warned))
