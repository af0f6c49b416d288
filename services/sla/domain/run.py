"""One clock at some point of its history, and what can be measured on it: elapsed time, due instants, its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from services.sla.domain.basis import Basis
from services.sla.domain.calendar import add_business, business_time
from services.sla.domain.mark import Mark, Side
from services.sla.domain.policy import MAIN, Agreements, Kind, Policy, Terms

NOTHING = timedelta(0)
NOT_AGREED = "no-longer-agreed"
"""Why a clock ends for whose incident nothing is agreed any more."""
VOID = "never-agreed"
"""Why a clock stands of which the inputs in force know nothing; its history may bring it anew."""
UNAGREED = (NOT_AGREED, VOID)
Identity = tuple[str, Kind, int | None]
"""Which clock of its incident: the agreement, the kind, and of one that repeats the version that started it."""


class Activity(StrEnum):
    """What the incident did in a span; whether `waiting` counts is the policy's word."""

    RUNNING = "running"
    WAITING = "waiting"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


ENDINGS = (Activity.STOPPED, Activity.CANCELLED)


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
    """A point of the target, and the instant from which the clock was, or will be, past it."""

    mark: Mark
    at: datetime

    @property
    def name(self) -> str:
        """The name of its point."""
        return self.mark.name

    @property
    def percent(self) -> int | None:
        """The part of the target; None for a threshold that lies by an offset."""
        return None if self.mark.offset_seconds else self.mark.percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One clock after some prefix of its incident's history.

    It counts from `since` on: its start, or when it started anew. `terms_since` is when the policy in force came, and
    `began_at` when the record began. Of a kind that repeats, `instance` is the version that started this clock, and
    `party` whose spell it measures, where it is somebody's.
    """

    kind: Kind
    basis: Basis
    began_at: datetime
    since: datetime
    terms_since: datetime
    at: datetime
    spans: tuple[Span, ...]
    passed: tuple[Threshold, ...] = ()
    instance: int | None = None
    party: str | None = None
    agreement: str = MAIN

    @property
    def identity(self) -> Identity:
        """Which clock of its incident."""
        return self.agreement, self.kind, self.instance

    @property
    def priority(self) -> str:
        """The priority by which the clock is measured."""
        return self.basis.priority

    @property
    def breached_at(self) -> datetime | None:
        """From when the clock was past its target."""
        return next((one.at for one in self.passed if one.mark.side is Side.TARGET), None)

    @property
    def is_open(self) -> bool:
        """Whether the clock may still count: it has neither stopped nor been cancelled."""
        return self.spans[-1].activity not in ENDINGS


class Measured(Protocol):
    """What of a clock is read to measure it."""

    @property
    def kind(self) -> Kind: ...

    @property
    def since(self) -> datetime: ...

    @property
    def at(self) -> datetime: ...

    @property
    def spans(self) -> Sequence[Span]: ...

    @property
    def breached_at(self) -> datetime | None: ...


def clock_name(kind: Kind, agreement: str) -> str:
    """What a clock is called among all of a record: `resolution`, and of a further agreement `resolution@premium`."""
    return kind.value if agreement == MAIN else f"{kind.value}@{agreement}"


def terms_of(run: Run, agreements: Agreements) -> Terms:
    """What holds for the clock."""
    # This is asked several times for each entry, and nearly always of the first agreement.
    agreement = agreements if run.agreement == agreements.name else agreements.of(run.agreement)
    return agreement.terms(run.basis, run.began_at)


def next_threshold(run: Run, agreements: Agreements, *, told: frozenset[str] = frozenset()) -> Threshold | None:
    """The next threshold of a clock that counts, but for the names in `told`; None when it does not run on to one.

    None as well for a clock of which the agreements no longer know the target.
    """
    terms = terms_of(run, agreements)
    if not is_counting(run, terms):
        return None
    over = told | {one.name for one in run.passed}
    point = next((point for point in terms.policy.way(run.kind) if point.name not in over), None)
    if point is None:
        return None
    reached = reached_at(run, terms, point.amount)
    return None if reached is None else passed_at(point.mark, reached, run.spans[-1].start, run.terms_since)


def passed_at(mark: Mark, reached: datetime, running_since: datetime, terms_since: datetime) -> Threshold:
    """The threshold of a clock whose time by its terms came to the mark at `reached`.

    A target that shrank under what had gone already is passed when the new policy came, not before it.
    """
    return Threshold(mark=mark, at=max(reached, running_since, terms_since))


def state_of(run: Measured, terms: Terms) -> ClockState:
    """What the clock does, by its terms."""
    return state_in(run.spans[-1], run.breached_at, terms.policy)


def state_in(span: Span, breached_at: datetime | None, policy: Policy) -> ClockState:
    """What a clock does in a span, by the policy and by whether it is breached."""
    return motion_in(span, policy) if breached_at is None else ClockState.BREACHED


def motion_in(span: Span, policy: Policy) -> ClockState:
    """What a clock does in a span, given that it is not breached; one that is does the same and keeps its verdict."""
    if span.activity is Activity.CANCELLED:
        return ClockState.CANCELLED
    if span.activity is Activity.STOPPED:
        return ClockState.MET
    return ClockState.RUNNING if counts(span, policy) else ClockState.PAUSED


def is_counting(run: Run, terms: Terms) -> bool:
    """Whether the clock counts open time from here on, breached or not."""
    return counts(run.spans[-1], terms.policy)


def counts(span: Span, policy: Policy) -> bool:
    """Whether a span's open time is the clock's."""
    if span.activity is Activity.WAITING:
        return span.reason not in policy.pauses
    return span.activity is Activity.RUNNING


def elapsed(run: Measured, until: datetime, terms: Terms) -> timedelta:
    """How much open time the clock has counted up to `until`."""
    return sum((_length(span, until, terms) for span in counted(run, terms)), NOTHING)


def counted(run: Measured, terms: Terms) -> list[Span]:
    """The spans whose open time is the clock's: those before it started anew are not."""
    return [span for span in run.spans if span.start >= run.since and counts(span, terms.policy)]


def due_at(run: Measured, terms: Terms) -> datetime | None:
    """When the whole target is gone, or would have been had the clock not stopped.

    None for one that stands, and for one of which the agreements no longer know the target.
    """
    target = terms.policy.targets.get(run.kind)
    if target is None or state_of(run, terms) in (ClockState.PAUSED, ClockState.CANCELLED):
        return None
    return reached_at(run, terms, target)


def stopped_at(run: Run) -> datetime | None:
    """Since when the clock has stopped, in time or late; None while it may still count."""
    return None if run.is_open else run.spans[-1].start


def _length(span: Span, until: datetime, terms: Terms) -> timedelta:
    end = until if span.end is None else min(span.end, until)
    return business_time(terms.calendar, span.start, end)


def reached_at(run: Measured, terms: Terms, amount: timedelta) -> datetime | None:
    """The earliest instant by which the clock has counted `amount`, if its last counting span went on for ever."""
    counting = counted(run, terms)
    for span in counting[:-1]:
        gone = _length(span, run.at, terms)
        if gone >= amount:
            return add_business(terms.calendar, span.start, amount)
        amount -= gone
    return add_business(terms.calendar, counting[-1].start, amount) if counting else None
