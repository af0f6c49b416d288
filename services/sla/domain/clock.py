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
from datetime import datetime, timedelta
from enum import StrEnum

from services.sla.domain.calendar import add_business, business_time
from services.sla.domain.history import Entry
from services.sla.domain.policy import HIDDEN, TARGET_PERCENT, Agreements, Kind, Policy, StopsAt, Terms
from services.sla.events import BREACHED, CANCELLED, MET, PAUSED, RECOMPUTED, RESUMED, STARTED, WARNED
from shared.event import Event

NOTHING = timedelta(0)


class Activity(StrEnum):
    """What the incident did in a span; whether `waiting` counts is the policy's word."""

    RUNNING = "running"
    WAITING = "waiting"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class ClockState(StrEnum):
    """What a clock does, or how it ended."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of one activity, half-open, with its reason and the version that began it. The last has no end."""

    start: datetime
    end: datetime | None
    activity: Activity
    reason: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A part of the target, and the instant from which the clock was, or will be, past it."""

    percent: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One clock after some prefix of its incident's history. `terms_since` is when the priority in force came."""

    kind: Kind
    priority: str
    terms_since: datetime
    at: datetime
    spans: tuple[Span, ...]
    passed: tuple[Threshold, ...] = ()

    @property
    def breached_at(self) -> datetime | None:
        """From when the clock was past its target."""
        return next((one.at for one in self.passed if one.percent == TARGET_PERCENT), None)

    @property
    def is_open(self) -> bool:
        """Whether the clock may still count: it has neither stopped nor been cancelled."""
        return self.spans[-1].activity in (Activity.RUNNING, Activity.WAITING)


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


def next_threshold(run: Run, agreements: Agreements, *, told: frozenset[int] = frozenset()) -> Threshold | None:
    """The next threshold of a running clock, but for those in `told`; None for a clock that does not run on to one."""
    terms = agreements.terms(run.priority)
    if state_of(run, terms) is not ClockState.RUNNING:
        return None
    over = told | {one.percent for one in run.passed}
    percents = (percent for percent in (*terms.policy.thresholds, TARGET_PERCENT) if percent not in over)
    percent = next(percents, None)
    if percent is None:
        return None
    reached = _reached_at(run, terms, terms.policy.target(run.kind) * percent / TARGET_PERCENT)
    if reached is None:
        return None
    # A target that shrank under what had gone already is passed when the new priority came, not before it.
    return Threshold(percent=percent, at=max(reached, run.spans[-1].start, run.terms_since))


def state_of(run: Run, terms: Terms) -> ClockState:
    """What the clock does, by the terms of its priority."""
    last = run.spans[-1]
    if run.breached_at is not None:
        return ClockState.BREACHED
    if last.activity is Activity.CANCELLED:
        return ClockState.CANCELLED
    if last.activity is Activity.STOPPED:
        return ClockState.MET
    return ClockState.RUNNING if counts(last, terms.policy) else ClockState.PAUSED


def counts(span: Span, policy: Policy) -> bool:
    """Whether a span's open time is the clock's."""
    if span.activity is Activity.WAITING:
        return span.reason not in policy.pauses
    return span.activity is Activity.RUNNING


def elapsed(run: Run, until: datetime, terms: Terms) -> timedelta:
    """How much open time the clock has counted up to `until`."""
    spans = (span for span in run.spans if counts(span, terms.policy))
    return sum((_length(span, until, terms) for span in spans), NOTHING)


def due_at(run: Run, terms: Terms) -> datetime | None:
    """When the whole target is gone, or would have been had the clock not stopped. None for one that stands."""
    if state_of(run, terms) in (ClockState.PAUSED, ClockState.CANCELLED):
        return None
    return _reached_at(run, terms, terms.policy.target(run.kind))


def stopped_at(run: Run) -> datetime | None:
    """Since when the clock has stopped, in time or late; None while it may still count."""
    return None if run.is_open else run.spans[-1].start


def _length(span: Span, until: datetime, terms: Terms) -> timedelta:
    end = until if span.end is None else min(span.end, until)
    return business_time(terms.calendar, span.start, end)


def _reached_at(run: Run, terms: Terms, amount: timedelta) -> datetime | None:
    """The earliest instant by which the clock has counted `amount`, if its last counting span went on for ever."""
    counting = [span for span in run.spans if counts(span, terms.policy)]
    for span in counting[:-1]:
        gone = _length(span, run.at, terms)
        if gone >= amount:
            return add_business(terms.calendar, span.start, amount)
        amount -= gone
    return add_business(terms.calendar, counting[-1].start, amount) if counting else None


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
    reopened = activity in (Activity.RUNNING, Activity.WAITING)
    return (moved if reopened else run), ()


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
