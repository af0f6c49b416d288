"""Computes an incident anew when the inputs changed: a calendar, the time zone database, what a version says.

The history is folded from its beginning under what holds now. Who changes a calendar in place corrects it, so the new
figures hold for the past, too; a change that shall not do so has an instant from which it holds. But what was told
stands: a threshold that was passed stays passed, a breach stays a breach, and a clock that has ended keeps its verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.sla.domain.case import Case, fold
from services.sla.domain.clock import Moment
from services.sla.domain.history import Entry
from services.sla.domain.inputs import what_changed
from services.sla.domain.keeping import Kept, advance_kept
from services.sla.domain.mark import TARGET, Side
from services.sla.domain.policy import MAIN, Agreements
from services.sla.domain.recompute import COMPARED, Expected, recompute
from services.sla.domain.record import Clock
from services.sla.domain.run import NOT_AGREED, Activity, ClockState, Identity, Run, Span, Threshold, terms_of
from services.sla.events import CANCELLED, RECOMPUTED
from shared.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """The case by the inputs that hold now, and the records of which something moved, each with what is told of it.

    `begun` is what became true of clocks that the further agreements in force have and those before did not.
    """

    case: Case
    moved: Mapping[Identity, tuple[Clock, Event]]
    begun: tuple[Moment, ...]


def reckon(
    case: Case, stored: Mapping[Identity, Clock], entries: Sequence[Entry], agreements: Agreements, now: datetime
) -> Reckoned:
    """Compute the clocks that have not ended; `stored` are their records, `entries` what `case` has folded."""
    kept, expected = case.kept, recompute(case.incident, entries, agreements, now, kept=case.kept)
    if more := tuple(_to_keep(case, stored, expected, agreements, now)):
        kept = (*case.kept, *more)
        expected = recompute(case.incident, entries, agreements, now, kept=kept)
    runs = tuple(_now(run, expected.case, agreements, now) for run in case.runs)
    more_runs = tuple(_added(case, expected.case))
    moved = dict[Identity, tuple[Clock, Event]]()
    for run, after in zip(case.runs, runs, strict=True):
        identity = run.identity
        before = stored.get(identity) if _is_reckoned(run, expected.case) else None
        told = None if before is None else _news(before, run, after, expected, agreements, now)
        if told is not None:
            moved[identity] = told
    latest = case.latest if expected.case.latest is None else expected.case.latest
    found = replace(case, runs=(*runs, *more_runs), kept=kept, latest=latest)
    return Reckoned(case=found, moved=moved, begun=_begun(more_runs, entries, agreements, kept))


def _added(case: Case, expected: Case) -> Iterator[Run]:
    """The clocks of further agreements that the case does not have; the first one begins none for the past."""
    there = {run.identity for run in case.runs}
    yield from (run for run in expected.runs if run.agreement != MAIN and run.identity not in there)


def _begun(
    runs: Sequence[Run], entries: Sequence[Entry], agreements: Agreements, kept: tuple[Kept, ...]
) -> tuple[Moment, ...]:
    if not runs:
        return ()
    added = {run.identity for run in runs}
    _, moments = fold(entries[0].incident, entries, agreements, kept)
    return tuple(moment for moment in moments if moment.run.identity in added)


def _to_keep(
    case: Case, stored: Mapping[Identity, Clock], expected: Expected, agreements: Agreements, now: datetime
) -> Iterator[Kept]:
    """What was passed by open clocks and is not borne out by the new inputs, or later only."""
    for run in case.runs:
        after = expected.case.clock(run.identity)
        if after is None or not run.is_open:
            continue
        after, _ = advance_kept(after, now, agreements, case.kept)
        passed = {one.name: one.at for one in after.passed}
        for one in _told(run, stored.get(run.identity), agreements, now):
            if one.name not in passed or passed[one.name] > one.at:
                yield Kept(kind=run.kind, instance=run.instance, threshold=one, agreement=run.agreement)


def _told(run: Run, record: Clock | None, agreements: Agreements, now: datetime) -> Iterator[Threshold]:
    """What the clock passed: by the fold, and what the ticker told since.

    The record keeps an instant of the breach alone: a warning was passed by then, or else by now.
    """
    yield from run.passed
    if record is None:
        return
    names = {one.name for one in run.passed}
    terms = terms_of(run, agreements)
    for mark in terms.policy.marks(run.kind) if run.kind in terms.policy.targets else ():
        if mark.name in record.told and mark.name not in names:
            early = mark.side is Side.BEFORE
            yield Threshold(mark=mark, at=(record.breached_at if early else None) or now)
    if record.breached_at is not None and TARGET.name not in names:
        yield Threshold(mark=TARGET, at=record.breached_at)


def _now(run: Run, after: Case, agreements: Agreements, now: datetime) -> Run:
    """A clock that has ended keeps what it ended with; one that is agreed no more ends."""
    if not _is_reckoned(run, after):
        return run
    if not _is_agreed(run, after, agreements):
        last = run.spans[-1]
        end = Span(start=now, end=None, activity=Activity.CANCELLED, reason=NOT_AGREED, version=last.version)
        return replace(run, at=now, spans=(*run.spans[:-1], replace(last, end=now), end))
    found = after.clock(run.identity)
    return run if found is None else found


def _is_reckoned(run: Run, after: Case) -> bool:
    """Whether a clock has not ended, or ended only because nothing was agreed, which holds no more."""
    ended = run.spans[-1].reason
    found = after.clock(run.identity) if ended == NOT_AGREED else None
    return run.is_open or (found is not None and found.spans[-1].reason != NOT_AGREED)


def _is_agreed(run: Run, after: Case, agreements: Agreements) -> bool:
    """Whether a clock has a target, and its agreement takes its incident by the inputs that hold now."""
    agreed = run.kind in terms_of(run, agreements).policy.targets
    return agreed and (run.agreement == MAIN or after.clock(run.identity) is not None)


def _news(
    before: Clock, run: Run, after: Run, expected: Expected, agreements: Agreements, now: datetime
) -> tuple[Clock, Event] | None:
    """The record and what is told of it, if anything moved."""
    if not _is_agreed(run, expected.case, agreements):
        state = ClockState.CANCELLED if before.breached_at is None else before.state
        ended = replace(before, state=state, due_at=None, stopped_at=after.spans[-1].start)
        return ended, Event(type=CANCELLED, at=now, change={"reason": NOT_AGREED})
    record = _record(before, expected, run.identity)
    return None if record is None else (record, _event(before, record, now))


def _record(before: Clock, expected: Expected, identity: Identity) -> Clock | None:
    """The record as of what has been told, if anything of it moved."""
    points = expected.records.get(identity, ())
    if not points:
        return None
    point = points[0]
    for later in points[1:]:
        told = later.breached_at is None or before.breached_at is not None
        if not told or not set(later.told) <= set(before.told):
            break
        point = later
    after = replace(point, place=before.place, told=before.told, asked=before.asked)
    return after if any(getattr(before, name) != getattr(after, name) for name in COMPARED) else None


def _event(before: Clock, after: Clock, now: datetime) -> Event:
    """What moved, from what to what; instants are None while the clock stands."""
    change: dict[str, Any] = {
        "fields": [],
        "why": "" if after.inputs is None else what_changed(before.inputs, after.inputs),
    }
    for name, field in _MOVED.items():
        change[f"{name}_from"], change[f"{name}_to"] = getattr(before, field), getattr(after, field)
    change["state_from"], change["state_to"] = before.state.value, after.state.value
    return Event(type=RECOMPUTED, at=now, change=change)


_MOVED = {
    "priority": "priority",
    "policy": "policy",
    "rule": "rule",
    "target": "target_seconds",
    "due": "due_at",
    "elapsed": "elapsed_seconds",
}
