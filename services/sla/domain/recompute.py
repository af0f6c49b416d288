"""Recomputes an incident's clocks from its history and compares them with what is stored.

A clock's record is a copy of the fold as of the last fact told. Facts that events bring are told with the event;
thresholds are told when the ticker has looked, so a record may stand before or after each threshold that has passed
since the last event, and at no other point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from services.sla.domain.case import Case, fold
from services.sla.domain.history import Entry
from services.sla.domain.inputs import Inputs
from services.sla.domain.keeping import Kept, advance_kept
from services.sla.domain.policy import Agreements
from services.sla.domain.record import Clock, describe
from services.sla.domain.run import ClockState, Identity, Run

COMPARED = (
    "state",
    "priority",
    "policy",
    "policy_version",
    "rule",
    "matched",
    "started_at",
    "due_at",
    "elapsed_seconds",
    "target_seconds",
    "breached_at",
    "stopped_at",
)
"""What of a record follows from history alone. `told` and `asked` depend on when events came, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the history makes of an incident. `records` are the points at which each clock's record may stand."""

    case: Case
    records: Mapping[Identity, tuple[Clock, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field that is stored otherwise than the history makes it."""

    field: str
    stored: Any
    expected: Any


def recompute(
    incident: str, entries: Sequence[Entry], agreements: Agreements, now: datetime, *, kept: tuple[Kept, ...] = ()
) -> Expected:
    """Fold the whole history, and let the thresholds pass whose instants lie before `now`; `kept` are passed anyway."""
    case, moments = fold(incident, entries, agreements, kept)
    records: dict[Identity, tuple[Clock, ...]] = {}
    for run in case.runs if case.latest is not None else ():
        identity = run.identity
        _, passing = advance_kept(run, now, agreements, kept)
        for moment in (*(one for one in moments if one.run.identity == identity), *passing):
            assert case.latest is not None
            record = describe(None, moment, case.latest, agreements, place="", asked=())
            timely = moment.threshold is not None
            records[identity] = (*records.get(identity, ()), record) if timely else (record,)
    return Expected(case=case, records=records)


def differences(stored: Clock, run: Run | None, expected: Expected) -> tuple[Difference, ...]:
    """Where a clock's record and its stored fold differ from what its history makes of them."""
    found = record_differences(stored, expected)
    known = stored.identity in expected.records
    return (*found, *_compare_runs(run, expected.case.clock(stored.identity))) if known else found


def record_differences(stored: Clock, expected: Expected) -> tuple[Difference, ...]:
    """Where a clock's record differs from what its history makes of it."""
    points = expected.records.get(stored.identity, ())
    if not points:
        return (Difference(field="clock", stored=stored.state, expected=None),)
    return min((tuple(_compare(stored, point, COMPARED)) for point in points), key=len)


def ceased(record: Clock, at: datetime) -> Clock:
    """The record of a clock of which nothing is agreed from `at` on. A breach stands."""
    state = record.state if record.breached_at is not None else ClockState.CANCELLED
    return replace(record, state=state, due_at=None, stopped_at=at)


def inputs_of(stored: Clock, expected: Expected) -> Inputs | None:
    """What the clock is computed with today."""
    points = expected.records.get(stored.identity)
    return points[-1].inputs if points else None


def is_behind(stored: Clock, expected: Expected, now: datetime) -> bool:
    """Whether a live clock is past its due instant by its history, and that has not been told yet."""
    points = expected.records.get(stored.identity)
    late = points[-1].breached_at if points else None
    return late is not None and late < now and stored.breached_at is None and not stored.backfill


def _compare_runs(stored: Run | None, expected: Run | None) -> Iterator[Difference]:
    if stored is None or expected is None:
        if stored is not expected:
            yield Difference(field="fold", stored=stored is not None, expected=expected is not None)
        return
    yield from _compare(stored, expected, [field.name for field in fields(Run)], within="fold.")


def _compare(stored: Any, expected: Any, names: Sequence[str], within: str = "") -> Iterator[Difference]:
    for name in names:
        there, here = getattr(stored, name), getattr(expected, name)
        if there != here:
            yield Difference(field=within + name, stored=there, expected=here)
