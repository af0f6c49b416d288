"""A clock as a pure fold over its incident's history: nothing but the entries, the policies and the calendars count.

The fold never looks at the time of processing. What it finds is told as moments: the clock right after a fact, and
the fact with the instant at which it became true. Rules, in the words of ITIL 4 service level management:

- A clock runs from the incident's first event, stands while the incident waits for a reason that the policy in force
  lets pause, and stops when what it measures has happened. The response clock stops once and for all; the resolution
  clock goes on when the incident is reopened, and the time between does not count.
- A change of priority recomputes the whole history by the new policy and calendar; pauses stay pauses.
- A threshold is passed when the clock still runs after its instant: an event at the very instant is in time. Passed
  is passed: no later priority takes it back, and none makes it passed before that priority came.
- A verdict stands: a breached clock stays breached, and keeps the priority at which it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from services.sla.domain.history import Entry
from services.sla.domain.policy import HIDDEN, TARGET_PERCENT, Agreements, Kind, Policy, StopsAt
from services.sla.domain.run import Activity, ClockState, Run, Span, next_threshold, state_of
from services.sla.events import BREACHED, CANCELLED, MET, PAUSED, RECOMPUTED, RESUMED, STARTED, WARNED
from shared.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A fact about a clock, and the clock right after it."""

    run: Run
    event: Event


def begin(kind: Kind, entry: Entry, agreements: Agreements) -> tuple[Run, tuple[Moment, ...]]:
    """The clock that an incident's first entry starts."""
    running = Span(start=entry.at, end=None, activity=Activity.RUNNING, reason="", version=entry.version)
    run = Run(kind=kind, priority=entry.priority, terms_since=entry.at, at=entry.at, spans=(running,))
    started = Moment(run=run, event=Event(type=STARTED, at=entry.at))
    run, moments = _enter(run, entry, entry.at, agreements)
    return run, (started, *moments)


def step(run: Run, entry: Entry, agreements: Agreements) -> tuple[Run, tuple[Moment, ...]]:
    """The clock after one more entry. An entry that says it is older than the one before counts as at that one."""
    at = max(entry.at, run.at)
    run, passed = advance(run, at, agreements)
    run, own = _enter(run, entry, at, agreements)
    return run, (*passed, *own)


def advance(run: Run, before: datetime, agreements: Agreements) -> tuple[Run, tuple[Moment, ...]]:
    """The clock with all thresholds passed whose instants lie before `before`, given that nothing else happened."""
    moments: list[Moment] = []
    while (threshold := next_threshold(run, agreements)) is not None and threshold.at < before:
        run = replace(run, passed=(*run.passed, threshold))
        breach = threshold.percent == TARGET_PERCENT
        event = Event(
            type=BREACHED if breach else WARNED,
            at=threshold.at,
            change={} if breach else {"percent": threshold.percent},
        )
        moments.append(Moment(run=run, event=event))
    return run, tuple(moments)


def _enter(run: Run, entry: Entry, at: datetime, agreements: Agreements) -> tuple[Run, tuple[Moment, ...]]:
    """Apply what the entry itself says: the priority first, then what the incident does from now on."""
    before = state_of(run, agreements.terms(run.priority))
    run, moved = _reprioritise(run, entry, at, agreements)
    activity, reason = _activity(run, entry, agreements.terms(run.priority).policy)
    last = run.spans[-1]
    run = replace(run, at=at)
    if (activity, reason) != (last.activity, last.reason):
        span = Span(start=at, end=None, activity=activity, reason=reason, version=entry.version)
        run = replace(run, spans=(*run.spans[:-1], replace(last, end=at), span))
    after = state_of(run, agreements.terms(run.priority))
    if after is before:
        return run, moved
    change = {"reason": _why(last, run.spans[-1], after)}
    return run, (*moved, Moment(run=run, event=Event(type=_TOLD[after], at=at, change=change)))


_TOLD = {
    ClockState.RUNNING: RESUMED,
    ClockState.PAUSED: PAUSED,
    ClockState.MET: MET,
    ClockState.CANCELLED: CANCELLED,
}


def _why(last: Span, new: Span, after: ClockState) -> str:
    """Why a clock does what it does now: for one that runs again, what is over."""
    if after is not ClockState.RUNNING:
        return new.reason
    return last.reason if last.activity is Activity.WAITING else "reopened"


def _reprioritise(run: Run, entry: Entry, at: datetime, agreements: Agreements) -> tuple[Run, tuple[Moment, ...]]:
    """Take the entry's priority, unless the clock has its verdict or has ended and stays so."""
    if entry.priority == run.priority or run.breached_at is not None:
        return run, ()
    moved = replace(run, priority=entry.priority, terms_since=at, at=at)
    if run.is_open:
        change = {"priority_from": run.priority, "priority_to": entry.priority}
        return moved, (Moment(run=moved, event=Event(type=RECOMPUTED, at=at, change=change)),)
    activity, _ = _activity(run, entry, agreements.terms(entry.priority).policy)
    return (run if activity is run.spans[-1].activity else moved), ()


def _activity(run: Run, entry: Entry, policy: Policy) -> tuple[Activity, str]:
    """What the clock's incident does from this entry on, and for which reason."""
    last = run.spans[-1]
    if entry.state == "cancelled":
        stands = last.activity is Activity.STOPPED
        return (last.activity, last.reason) if stands else (Activity.CANCELLED, "cancelled")
    if run.kind is Kind.RESPONSE:
        if last.activity is Activity.STOPPED:
            return last.activity, last.reason
        answer = _answer(entry, policy.response_stops_at)
        if answer is not None:
            return Activity.STOPPED, answer
    if entry.state in ("resolved", "closed"):
        return Activity.STOPPED, "resolved"
    if entry.state == "waiting":
        return Activity.WAITING, entry.waiting_reason or HIDDEN
    return Activity.RUNNING, ""


def _answer(entry: Entry, stops_at: StopsAt) -> str | None:
    """What stops a response clock at this entry."""
    if entry.accepted and stops_at is not StopsAt.REPLY:
        return "accepted"
    if entry.replied and stops_at is not StopsAt.ACCEPT:
        return "replied"
    return None
