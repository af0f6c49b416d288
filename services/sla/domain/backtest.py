"""Tries a draft on the past: the verdicts of a record's clocks under two sets of agreements, and why they differ.

Additive: what many records give is the sum of what each gives, so parts may be computed anywhere and in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.sla.domain.basis import Basis
from services.sla.domain.case import outcome
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements, Kind, Terms
from services.sla.domain.run import ClockState, Identity, Run, clock_name, elapsed, state_of, stopped_at, terms_of

DIMENSIONS = ("priority", "team", "organisation")
NONE = "(none)"
"""The value of a record that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A clock under one set of agreements, as of an instant. `counted` is open time until then or until it stopped."""

    kind: Kind
    identity: Identity
    state: ClockState
    priority: str
    terms: Terms
    counted: timedelta
    breached_at: datetime | None
    reason: str

    @property
    def name(self) -> str:
        """What it is called: `resolution`, `resolution@premium`."""
        return clock_name(self.kind, self.identity[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that is otherwise under the draft."""

    field: str
    before: str | float | None
    after: str | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A clock whose verdict the draft changes."""

    incident: str
    clock: str
    before: str
    after: str
    reasons: tuple[Reason, ...]


Key = tuple[str, str, str, str, str]
"""Dimension, its value, clock, `before` or `after`, state."""


@dataclass(slots=True, kw_only=True)
class Comparison:
    """What records gave so far. `unproven` are those whose history does not begin at its first version."""

    records: int = 0
    unproven: int = 0
    numbers: Counter[Key] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)

    def add(self, other: Comparison) -> None:
        """Take in what other records gave."""
        self.records += other.records
        self.unproven += other.unproven
        self.numbers.update(other.numbers)
        self.changes.extend(other.changes)


def sharing(before: Agreements, after: Agreements) -> Agreements:
    """`after` with the very calendars of `before` where both say the same, so that these are reckoned once for both."""
    same = {name: one for name, one in before.calendars.items() if after.calendars.get(name) == one}
    calendars = {**after.calendars, **same}
    further = tuple(replace(one, calendars=calendars) for one in after.further)
    return replace(after, calendars=calendars, further=further)


def compare(
    into: Comparison, incident: str, entries: Sequence[Entry], before: Agreements, after: Agreements, now: datetime
) -> None:
    """Count a record's clocks under both sets of agreements, and note those whose verdict differs."""
    into.records += 1
    latest = entries[-1]
    came = outcome(entries, before, now)
    began = entries[0].at
    same = all(_agree(before, after, basis, began) for basis in came.bases)
    held = _verdicts(came.runs, before, now)
    drafted = held if same else _verdicts(outcome(entries, after, now).runs, after, now)
    # A draft may have clocks of other kinds: only those of both can be held against each other.
    by_identity = {one.identity: one for one in drafted}
    for old in held:
        new = by_identity.get(old.identity)
        if new is None:
            continue
        values = {"priority": old.priority, "team": latest.team, "organisation": latest.organisation}
        for dimension in DIMENSIONS:
            value = values[dimension] or NONE
            into.numbers[dimension, value, old.name, "before", old.state.value] += 1
            into.numbers[dimension, value, old.name, "after", new.state.value] += 1
        if old.state is not new.state:
            into.changes.append(
                Change(
                    incident=incident,
                    clock=old.name,
                    before=old.state.value,
                    after=new.state.value,
                    reasons=tuple(_reasons(old, new)),
                )
            )


def _agree(before: Agreements, after: Agreements, basis: Basis, began: datetime) -> bool:
    """Whether a fold takes both alike, though other policies of their versions may differ."""
    names = [one.name for one in before.every]
    pairs = ((before.of(name).terms(basis, began), after.of(name).terms(basis, began)) for name in names)
    return names == [one.name for one in after.every] and all(
        one.match == other.match and one.calendar == other.calendar for one, other in pairs
    )


def _verdicts(runs: Iterable[Run], agreements: Agreements, now: datetime) -> tuple[Verdict, ...]:
    return tuple(_verdict(run, agreements, now) for run in runs)


def _verdict(run: Run, agreements: Agreements, now: datetime) -> Verdict:
    terms, stopped = terms_of(run, agreements), stopped_at(run)
    return Verdict(
        kind=run.kind,
        identity=run.identity,
        state=state_of(run, terms),
        priority=run.priority,
        terms=terms,
        counted=elapsed(run, now if stopped is None else stopped, terms),
        breached_at=run.breached_at,
        reason=run.spans[-1].reason,
    )


def _reasons(old: Verdict, new: Verdict) -> Iterator[Reason]:
    """What differs between the two, from the agreement to what it came to."""
    before, after = old.terms.policy, new.terms.policy
    pairs: tuple[tuple[str, str | float, str | float], ...] = (
        ("priority", old.priority, new.priority),
        ("policy", before.name, after.name),
        ("target_seconds", before.target(old.kind).total_seconds(), after.target(new.kind).total_seconds()),
        ("pauses", _listed(before.pauses), _listed(after.pauses)),
        ("stops_at", before.response_stops_at.value, after.response_stops_at.value),
        ("counted_seconds", old.counted.total_seconds(), new.counted.total_seconds()),
        ("stopped_by", old.reason, new.reason),
    )
    if old.terms.calendar != new.terms.calendar:
        draft = new.terms.calendar.name
        changed = f"{draft} as drafted" if draft == old.terms.calendar.name else draft
        yield Reason(field="calendar", before=old.terms.calendar.name, after=changed)
    yield from (Reason(field=name, before=one, after=two) for name, one, two in pairs if one != two)


def _listed(pauses: frozenset[str]) -> str:
    return ", ".join(sorted(pauses)) or "nothing"
