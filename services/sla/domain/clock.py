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
- A verdict stands: a breached clock stays breached, and keeps the policy and priority at which it was. That it stands,
  goes on or ends is told all the same.
- Each agreement has clocks of its own, which know nothing of the others' (services.sla.domain.strand).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.sla.domain.basis import Basis, differences
from services.sla.domain.course import Course, course_of
from services.sla.domain.history import Entry
from services.sla.domain.kinds import KINDS, Kind
from services.sla.domain.mark import Side
from services.sla.domain.policy import HIDDEN, MAIN, Agreements, OnReopen, Policy, Terms
from services.sla.domain.run import ENDINGS, Activity, ClockState, Run, Span, Threshold, due_at, motion_in
from services.sla.events import BREACHED, CANCELLED, ENDED, MET, PASSED, PAUSED, RECOMPUTED, RESUMED, STARTED, WARNED
from shared.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A fact about a clock, and the clock right after it; `threshold` is what was passed, if that is the fact."""

    run: Run
    event: Event
    threshold: Threshold | None = None


Facts = list[Moment] | None
"""Where the moments of a fold go, in the order in which they are found; None for a fold of which nobody asks them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An entry as all clocks of an agreement see it: what matching reads of it, and the terms that this leads to."""

    entry: Entry
    basis: Basis
    terms: Terms
    agreement: str = MAIN


def begin(kind: Kind, seen: Seen, *, at: datetime, began_at: datetime, facts: Facts) -> Course:
    """The clock that an entry starts at `at`, of a record that began at `began_at`."""
    entry = seen.entry
    course = Course(
        kind=kind,
        terms=seen.terms,
        basis=seen.basis,
        began_at=began_at,
        since=at,
        terms_since=at,
        at=at,
        spans=[Span(start=at, end=None, activity=Activity.RUNNING, reason="", version=entry.version)],
        passed=[],
        instance=entry.version if KINDS[kind].repeats else None,
        party=KINDS[kind].party(entry),
        agreement=seen.agreement,
        breached_at=None,
    )
    if facts is not None:
        facts.append(Moment(run=course.run(), event=Event(type=STARTED, at=at)))
    _enter(course, seen, facts)
    return course


def step(course: Course, seen: Seen, facts: Facts) -> None:
    """Take the clock over one more entry. One that says it is older than the one before counts as at that one."""
    at = max(seen.entry.at, course.at)
    cross(course, at, facts)
    course.come(at)
    if not course.has_stopped_for_good:
        _enter(course, seen, facts)


def cross(course: Course, before: datetime, facts: Facts) -> None:
    """Pass all thresholds whose instants lie before `before`, given that nothing else happens."""
    while (threshold := course.ahead()) is not None and threshold.at < before:
        passing(course, threshold, facts)


def passing(course: Course, threshold: Threshold, facts: Facts) -> None:
    """The clock passes the threshold at its instant."""
    course.cross(threshold)
    if facts is not None:
        facts.append(passage(course.run(), threshold))


def passage(run: Run, threshold: Threshold) -> Moment:
    """The fact that the clock passed the threshold."""
    change = {"threshold": threshold.name, "percent": threshold.percent}
    event = Event(type=_PASSED[threshold.mark.side], at=threshold.at, change=change)
    return Moment(run=run, event=event, threshold=threshold)


def advance(run: Run, before: datetime, agreements: Agreements) -> tuple[Run, tuple[Moment, ...]]:
    """The clock with all thresholds passed whose instants lie before `before`, given that nothing else happened.

    Of a clock with all that its case keeps in it (`keeping.held`), or of which nothing is kept; any other goes on by
    `keeping.advance_kept`.
    """
    course, facts = course_of(run, agreements), list[Moment]()
    cross(course, before, facts)
    return course.run(), tuple(facts)


def _enter(course: Course, seen: Seen, facts: Facts) -> None:
    """Apply what the entry itself says: the policy first, then what the incident does from now on."""
    terms, last = course.terms, course.spans[-1]
    _rematch(course, seen, facts)
    activity, reason = _activity(course, seen.entry, course.terms.policy)
    turns = activity is not last.activity or reason != last.reason
    if turns:
        course.turn(activity, reason, seen.entry.version)
    restarted = _restart(course, last) if turns else {}
    if facts is None or (not turns and course.terms is terms):
        return
    # A policy that came with this entry may have made something else of the last span, and that has been told.
    before = {motion_in(last, terms.policy), motion_in(last, course.terms.policy)}
    after = motion_in(course.spans[-1], course.terms.policy)
    if before != {after}:
        reported(course, after, {"reason": _why(last, course.spans[-1], after), **restarted}, facts)


def reported(course: Course, motion: ClockState, change: dict[str, Any], facts: Facts) -> None:
    """Tell what the clock does from now on: `motion`, as `run.motion_in` has it."""
    if facts is not None:
        is_late_end = course.breached_at is not None and motion in (ClockState.MET, ClockState.CANCELLED)
        event = Event(type=ENDED if is_late_end else _TOLD[motion], at=course.at, change=change)
        facts.append(Moment(run=course.run(), event=event))


_PASSED = {Side.BEFORE: WARNED, Side.TARGET: BREACHED, Side.AFTER: PASSED}

_TOLD = {
    ClockState.RUNNING: RESUMED,
    ClockState.PAUSED: PAUSED,
    ClockState.MET: MET,
    ClockState.CANCELLED: CANCELLED,
}


def _restart(course: Course, last: Span) -> dict[str, Any]:
    """Start anew what has been reopened under a policy that says so. A breach stands all the same."""
    reopened = last.activity in ENDINGS and course.is_open
    if not reopened or course.terms.policy.on_reopen is OnReopen.CONTINUE or course.breached_at is not None:
        return {}
    course.restart()
    return {"restarted": True}


def _why(last: Span, new: Span, after: ClockState) -> str:
    """Why a clock does what it does now: for one that runs again, what is over."""
    if after is not ClockState.RUNNING:
        return new.reason
    return last.reason if last.activity is Activity.WAITING else "reopened"


def _rematch(course: Course, seen: Seen, facts: Facts) -> None:
    """Choose the policy by the entry's fields, unless the clock has its verdict or has ended and stays so.

    A policy that has no target for this kind of clock does not take one over that runs.
    """
    basis, after = seen.basis, seen.terms
    if basis is course.basis or basis == course.basis or course.breached_at is not None:
        return
    if course.kind not in after.policy.targets:
        return
    if not course.is_open:
        activity, _ = _activity(course, seen.entry, after.policy)
        if activity is not course.spans[-1].activity:
            course.move(basis, after)
    elif course.terms.match.rule == after.match.rule and course.basis.priority == basis.priority:
        course.take(basis, after)
    else:
        change = _what_moved(course, seen) if facts is not None else {}
        course.move(basis, after)
        if facts is not None:
            facts.append(Moment(run=course.run(), event=Event(type=RECOMPUTED, at=course.at, change=change)))


def _what_moved(course: Course, seen: Seen) -> dict[str, Any]:
    """What the entry's change of policy changes; instants are as the fold has them, None while the clock stands."""
    before, after = course.terms, seen.terms
    return {
        "fields": [field.value for field in differences(course.basis, seen.basis)],
        "why": after.match.why,
        "priority_from": course.basis.priority,
        "priority_to": seen.basis.priority,
        "policy_from": before.policy.name,
        "policy_to": after.policy.name,
        "rule_from": before.match.rule,
        "rule_to": after.match.rule,
        "target_from": before.policy.target(course.kind).total_seconds(),
        "target_to": after.policy.target(course.kind).total_seconds(),
        "due_from": due_at(course, before),
        "due_to": due_at(course, after),
    }


def _activity(course: Course, entry: Entry, policy: Policy) -> tuple[Activity, str]:
    """What the clock's incident does from this entry on, and for which reason."""
    last, clock = course.spans[-1], KINDS[course.kind]
    stays = last.activity is Activity.STOPPED or (clock.repeats and last.activity in ENDINGS)
    if stays and (not clock.reopens or entry.state == "cancelled"):
        return last.activity, last.reason
    if entry.state == "cancelled":
        return Activity.CANCELLED, "cancelled"
    reason = clock.stops(entry, course.party, policy.response_stops_at)
    if reason is not None:
        return Activity.STOPPED, reason
    if entry.state in ("resolved", "closed"):
        return Activity.STOPPED, "resolved"
    if entry.state == "waiting" and clock.waits:
        return Activity.WAITING, entry.waiting_reason or HIDDEN
    return Activity.RUNNING, ""
