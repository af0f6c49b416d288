"""A clock as a pure fold over its incident's history: nothing but the entries, the policies and the calendars count.

The fold never looks at the time of processing. What it finds is told as moments: the clock right after a fact, and
the fact with the instant at which it became true. Rules, in the words of ITIL 4 service level management:

- A clock runs from the event that starts it (services.sla.domain.kinds; two of them from the first one of a record),
  stands while the incident waits for a reason that the policy in force lets pause, and stops when what it measures has
  happened. The response clock stops once and for all; the resolution clock goes on when the incident is reopened, and
  the time between does not count; or it starts anew, as the policy in force then says: nothing of before counts, and
  every threshold can be passed again.
- A change of a field that leads to another policy (priority, service, contract, ...) recomputes the whole history by
  the new policy and its calendar; pauses stay pauses.
- A threshold is passed when the clock still runs after its instant: an event at the very instant is in time. Passed
  is passed: no later policy takes it back, and none makes it passed before that policy came.
- Thresholds lie before the target, at it and after it; a breached clock goes on to the later ones while it counts.
- A verdict stands: a breached clock stays breached, and keeps the policy and priority at which it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.sla.domain.basis import differences
from services.sla.domain.history import Entry
from services.sla.domain.kinds import KINDS, Kind
from services.sla.domain.mark import Side
from services.sla.domain.policy import HIDDEN, Agreements, OnReopen, Policy, Terms
from services.sla.domain.run import (
    ENDED,
    Activity,
    ClockState,
    Run,
    Span,
    Threshold,
    due_at,
    next_threshold,
    state_of,
    terms_of,
)
from services.sla.events import BREACHED, CANCELLED, MET, PASSED, PAUSED, RECOMPUTED, RESUMED, STARTED, WARNED
from shared.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A fact about a clock, and the clock right after it; `threshold` is what was passed, if that is the fact."""

    run: Run
    event: Event
    threshold: Threshold | None = None


def begin(kind: Kind, entry: Entry, agreements: Agreements, *, began_at: datetime) -> tuple[Run, tuple[Moment, ...]]:
    """The clock that an entry starts, of a record that began at `began_at`."""
    at = entry.at
    run = Run(
        kind=kind,
        basis=entry.basis,
        began_at=began_at,
        since=at,
        terms_since=at,
        at=at,
        spans=(Span(start=at, end=None, activity=Activity.RUNNING, reason="", version=entry.version),),
        instance=entry.version if KINDS[kind].repeats else None,
        party=KINDS[kind].party(entry),
    )
    started = Moment(run=run, event=Event(type=STARTED, at=at))
    run, moments = _enter(run, entry, at, agreements)
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
        moments.append(passing(run, threshold))
        run = moments[-1].run
    return run, tuple(moments)


def passing(run: Run, threshold: Threshold) -> Moment:
    """The fact that the clock passed the threshold at its instant."""
    change = {"threshold": threshold.name, "percent": threshold.percent}
    event = Event(type=_PASSED[threshold.mark.side], at=threshold.at, change=change)
    return Moment(run=replace(run, passed=(*run.passed, threshold)), event=event, threshold=threshold)


def _enter(run: Run, entry: Entry, at: datetime, agreements: Agreements) -> tuple[Run, tuple[Moment, ...]]:
    """Apply what the entry itself says: the policy first, then what the incident does from now on."""
    before = state_of(run, terms_of(run, agreements))
    run, moved = _rematch(run, entry, at, agreements)
    activity, reason = _activity(run, entry, terms_of(run, agreements).policy)
    last = run.spans[-1]
    run = replace(run, at=at)
    if (activity, reason) != (last.activity, last.reason):
        span = Span(start=at, end=None, activity=activity, reason=reason, version=entry.version)
        run = replace(run, spans=(*run.spans[:-1], replace(last, end=at), span))
    run, restarted = _restart(run, last, agreements)
    after = state_of(run, terms_of(run, agreements))
    if after is before:
        return run, moved
    change = {"reason": _why(last, run.spans[-1], after), **restarted}
    return run, (*moved, Moment(run=run, event=Event(type=_TOLD[after], at=at, change=change)))


_PASSED = {Side.BEFORE: WARNED, Side.TARGET: BREACHED, Side.AFTER: PASSED}

_TOLD = {
    ClockState.RUNNING: RESUMED,
    ClockState.PAUSED: PAUSED,
    ClockState.MET: MET,
    ClockState.CANCELLED: CANCELLED,
}


def _restart(run: Run, last: Span, agreements: Agreements) -> tuple[Run, dict[str, Any]]:
    """The clock started anew when it has been reopened under a policy that says so. A breach stands all the same."""
    reopened = last.activity in ENDED and run.is_open
    if not reopened or terms_of(run, agreements).policy.on_reopen is OnReopen.CONTINUE or run.breached_at is not None:
        return run, {}
    return replace(run, since=run.at, terms_since=run.at, passed=()), {"restarted": True}


def _why(last: Span, new: Span, after: ClockState) -> str:
    """Why a clock does what it does now: for one that runs again, what is over."""
    if after is not ClockState.RUNNING:
        return new.reason
    return last.reason if last.activity is Activity.WAITING else "reopened"


def _rematch(run: Run, entry: Entry, at: datetime, agreements: Agreements) -> tuple[Run, tuple[Moment, ...]]:
    """Choose the policy by the entry's fields, unless the clock has its verdict or has ended and stays so.

    A policy that has no target for this kind of clock does not take one over that runs.
    """
    if entry.basis == run.basis or run.breached_at is not None:
        return run, ()
    moved = replace(run, basis=entry.basis, terms_since=at, at=at)
    before, after = terms_of(run, agreements), terms_of(moved, agreements)
    if run.kind not in after.policy.targets:
        return run, ()
    if not run.is_open:
        activity, _ = _activity(run, entry, after.policy)
        return (run if activity is run.spans[-1].activity else moved), ()
    if before.match.rule == after.match.rule and run.priority == moved.priority:
        return replace(run, basis=entry.basis), ()
    change = _what_moved(run, before, moved, after)
    return moved, (Moment(run=moved, event=Event(type=RECOMPUTED, at=at, change=change)),)


def _what_moved(run: Run, before: Terms, moved: Run, after: Terms) -> dict[str, Any]:
    """What the change of policy changed; instants are as the fold has them, None while the clock stands."""
    return {
        "fields": [field.value for field in differences(run.basis, moved.basis)],
        "why": after.match.why,
        "priority_from": run.priority,
        "priority_to": moved.priority,
        "policy_from": before.policy.name,
        "policy_to": after.policy.name,
        "rule_from": before.match.rule,
        "rule_to": after.match.rule,
        "target_from": before.policy.target(run.kind).total_seconds(),
        "target_to": after.policy.target(run.kind).total_seconds(),
        "due_from": due_at(run, before),
        "due_to": due_at(moved, after),
    }


def _activity(run: Run, entry: Entry, policy: Policy) -> tuple[Activity, str]:
    """What the clock's incident does from this entry on, and for which reason."""
    last, clock = run.spans[-1], KINDS[run.kind]
    stays = last.activity is Activity.STOPPED or (clock.repeats and last.activity in ENDED)
    if stays and (not clock.reopens or entry.state == "cancelled"):
        return last.activity, last.reason
    if entry.state == "cancelled":
        return Activity.CANCELLED, "cancelled"
    reason = clock.stops(entry, run.party, policy.response_stops_at)
    if reason is not None:
        return Activity.STOPPED, reason
    if entry.state in ("resolved", "closed"):
        return Activity.STOPPED, "resolved"
    if entry.state == "waiting" and clock.waits:
        return Activity.WAITING, entry.waiting_reason or HIDDEN
    return Activity.RUNNING, ""
