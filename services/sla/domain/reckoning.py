"""Computes an incident anew when the inputs changed: a calendar, the time zone database, what a version says.

The history is folded from its beginning under what holds now. Who changes a calendar in place corrects it, so the new
figures hold for the past, too; a change that shall not do so has an instant from which it holds. But what was told
stands: a threshold that was passed stays passed, a breach stays a breach, and a clock that has ended keeps its verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.sla.domain.case import Case
from services.sla.domain.history import Entry
from services.sla.domain.inputs import what_changed
from services.sla.domain.keeping import Kept, advance_kept
from services.sla.domain.mark import TARGET
from services.sla.domain.policy import Agreements
from services.sla.domain.recompute import COMPARED, Expected, Identity, recompute
from services.sla.domain.record import Clock
from services.sla.domain.run import Run, Threshold
from services.sla.events import RECOMPUTED
from shared.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """The case by the inputs that hold now, and the records of which something moved, each with what is told of it."""

    case: Case
    moved: Mapping[Identity, tuple[Clock, Event]]


def reckon(
    case: Case, stored: Mapping[Identity, Clock], entries: Sequence[Entry], agreements: Agreements, now: datetime
) -> Reckoned:
    """Compute the clocks that have not ended; `stored` are their records, `entries` what `case` has folded."""
    kept = (*case.kept, *_to_keep(case, stored, entries, agreements, now))
    expected = recompute(case.incident, entries, agreements, now, kept=kept)
    runs = tuple(_now(run, expected.case) for run in case.runs)
    records = {(run.kind, run.instance): stored.get((run.kind, run.instance)) for run in case.runs if run.is_open}
    moved = {
        identity: (after, _event(before, after, now))
        for identity, before in records.items()
        if before is not None and (after := _record(before, expected, identity)) is not None
    }
    latest = case.latest if expected.case.latest is None else expected.case.latest
    return Reckoned(case=replace(case, runs=runs, kept=kept, latest=latest), moved=moved)


def _to_keep(
    case: Case, stored: Mapping[Identity, Clock], entries: Sequence[Entry], agreements: Agreements, now: datetime
) -> Iterator[Kept]:
    """What was passed by open clocks and is not borne out by the new inputs, or later only."""
    expected = recompute(case.incident, entries, agreements, now, kept=case.kept)
    for run in case.runs:
        after = expected.case.run(run.kind, run.instance)
        if after is None or not run.is_open:
            continue
        after, _ = advance_kept(after, now, agreements, case.kept)
        passed = {one.name: one.at for one in after.passed}
        for one in _told(run, stored.get((run.kind, run.instance))):
            if one.name not in passed or passed[one.name] > one.at:
                yield Kept(kind=run.kind, instance=run.instance, threshold=one)


def _told(run: Run, record: Clock | None) -> Iterable[Threshold]:
    """What the clock passed: by the fold, and the breach that the ticker told since."""
    if run.breached_at is None and record is not None and record.breached_at is not None:
        return (*run.passed, Threshold(mark=TARGET, at=record.breached_at))
    return run.passed


def _now(run: Run, after: Case) -> Run:
    """A clock that has ended keeps what it ended with, and so does one that the agreements know no more."""
    found = after.run(run.kind, run.instance)
    return found if run.is_open and found is not None else run


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
