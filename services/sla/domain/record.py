"""The public record of a clock, and which facts of the fold are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.sla.domain.clock import Moment, passage
from services.sla.domain.firing import Asked
from services.sla.domain.history import Entry
from services.sla.domain.inputs import Inputs
from services.sla.domain.keeping import Kept, kept_ahead
from services.sla.domain.mark import TARGET, Side
from services.sla.domain.policy import MAIN, Agreements, Kind
from services.sla.domain.run import (
    ClockState,
    Identity,
    Run,
    Threshold,
    due_at,
    elapsed,
    next_threshold,
    state_of,
    stopped_at,
    terms_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A clock as of the last fact that was told about it: a copy of the fold for lists, reports and events.

    It counts from `started_at` on: reopening may start it anew, and its thresholds with it. `rule` of `policy_version`
    chose the policy; `matched` says why. `due_at` is None while the clock stands, unless it is breached. `told` are the
    thresholds told so far but for the breach, `asked` the actions that thresholds asked for. `place` orders clocks by
    their first start; it never changes. `inputs` are what its figures were computed with, `edition` all inputs together
    by which its case was folded; None for one stored before they were kept, and no edition where services of several
    folded the case in turns.
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
    told: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()
    instance: int | None = None
    party: str | None = None
    service: str | None = None
    team: str | None = None
    level: int | None = None
    organisation: str | None = None
    restricted: bool = False
    backfill: bool = False
    inputs: Inputs | None = None
    agreement: str = MAIN
    edition: str | None = None

    @property
    def identity(self) -> Identity:
        """Which clock of its incident."""
        return self.agreement, self.kind, self.instance


class Telling(StrEnum):
    """Whether a fact is told, and if not, why."""

    TELL = "tell"
    TOLD_BEFORE = "told-before"
    HISTORY = "history"


def telling(clock: Clock | None, moment: Moment, *, backfill: bool) -> Telling:
    """A threshold is told once, no warning behind the breach, and of history that was brought over only the breach."""
    threshold = moment.threshold
    if threshold is None:
        return Telling.TELL
    if threshold.mark.side is Side.TARGET:
        before = clock is not None and clock.state is ClockState.BREACHED
    elif backfill:
        return Telling.HISTORY
    else:
        overtaken = threshold.mark.side is Side.BEFORE and clock is not None and clock.breached_at is not None
        before = overtaken or (clock is not None and threshold.name in clock.told)
    return Telling.TOLD_BEFORE if before else Telling.TELL


def unannounced(clock: Clock | None, moment: Moment) -> Moment | None:
    """The breach that lies before `moment` and that the record does not know.

    Changed inputs put it before what has been told since; it is told before anything that follows it.
    """
    breach = next((one for one in moment.run.passed if one.mark.side is Side.TARGET), None)
    if clock is None or clock.breached_at is not None or breach is None or moment.threshold == breach:
        return None
    return passage(moment.run, breach)


def describe(
    clock: Clock | None,
    moment: Moment,
    latest: Entry,
    agreements: Agreements,
    *,
    place: str,
    asked: tuple[Asked, ...],
    settled: bool = True,
) -> Clock:
    """The record after `moment`; `latest` is the entry in force, `place` counts for a new record only.

    `asked` is what the moment's threshold asks for now. `settled` says that its case rests on these agreements; if it
    does not, a breach that was told stands, with its instant, until the case is computed anew.
    """
    run, at = moment.run, moment.event.at
    terms = terms_of(run, agreements)
    told = () if clock is None or clock.started_at != run.since else clock.told
    breached_at = run.breached_at if settled or clock is None else clock.breached_at or run.breached_at
    threshold = moment.threshold
    news = () if threshold is None or threshold.mark.side is Side.TARGET else (threshold.name,)
    return Clock(
        incident=latest.incident,
        kind=run.kind,
        state=state_of(run, terms) if breached_at is None else ClockState.BREACHED,
        priority=run.priority,
        policy=terms.policy.name,
        policy_version=terms.match.version,
        rule=terms.match.rule,
        matched=terms.match.why,
        started_at=run.since,
        due_at=due_at(run, terms),
        elapsed_seconds=elapsed(run, at, terms).total_seconds(),
        target_seconds=terms.policy.target(run.kind).total_seconds(),
        breached_at=breached_at,
        stopped_at=stopped_at(run),
        place=place if clock is None else clock.place,
        told=(*told, *news),
        asked=(*(() if clock is None else clock.asked), *asked),
        instance=run.instance,
        party=run.party,
        service=latest.service,
        team=latest.team,
        level=latest.level,
        organisation=latest.organisation,
        restricted=latest.restricted,
        backfill=latest.backfill,
        inputs=terms.inputs,
        agreement=run.agreement,
        edition=agreements.edition if settled else None,
    )


def awaited(
    clock: Clock, run: Run, latest: Entry, agreements: Agreements, kept: Sequence[Kept] = ()
) -> Threshold | None:
    """The threshold that the ticker must look at next, one that is kept and not told among them; None for a clock that
    does not run or is history."""
    if clock.state not in (ClockState.RUNNING, ClockState.BREACHED) or latest.backfill:
        return None
    breach = {TARGET.name} if clock.state is ClockState.BREACHED else set[str]()
    told = frozenset({*clock.told, *breach})
    ahead = next_threshold(run, agreements, told=told)
    found = [one for one in (ahead, *kept_ahead(run, agreements, kept)) if one is not None and one.name not in told]
    return min(found, key=lambda one: one.at, default=None)
