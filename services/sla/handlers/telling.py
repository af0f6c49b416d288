"""Tells facts of the fold: saves the clock's record with the event, each fact once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from services.sla.domain.case import Case
from services.sla.domain.clock import Moment
from services.sla.domain.firing import Asked, asks, firing
from services.sla.domain.history import Entry
from services.sla.domain.keeping import advance_kept
from services.sla.domain.policy import Agreements
from services.sla.domain.record import Clock, Telling, awaited, describe, telling
from services.sla.domain.run import Identity, Run, clock_name
from services.sla.events import BREACHED, CANCELLED, ENDED, MET
from services.sla.handlers.rows import keep_due, key_of
from shared.cause import Cause, service_actor
from shared.clock import format_instant
from shared.event import Event
from shared.storage import Repository, Stored
from shared.store import Document
from shared.unit_of_work import Work

ACTOR = service_actor("sla")
_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A fact that was told, for the metrics; `clock` is called as in the reports."""

    clock: str
    priority: str
    type: str
    at: datetime
    backfill: bool

    @property
    def is_breach(self) -> bool:
        """Whether the metric of breaches counts it: history that was brought over is no breach of today."""
        return self.type == BREACHED and not self.backfill


def cause_of(entry: Entry, backfill: bool) -> Cause:
    """The cause that an entry of the history is."""
    trail = entry.trail
    return Cause(
        actor=ACTOR,
        correlationid=trail.correlationid,
        causationid=trail.eventid,
        traceparent=trail.traceparent,
        hops=trail.hops + 1,
        backfill=backfill,
    )


@dataclass(slots=True, kw_only=True)
class Records:
    """The records of the clocks that a block works on, by key, with their due rows as they were loaded.

    `stored` follows what is told, and `told` has each fact of it, for the metrics.
    """

    work: Work
    repository: Repository[Clock]
    agreements: Agreements
    stored: dict[str, Stored[Clock]]
    due: Mapping[str, Document]
    told: list[Told]

    def get(self, case: Case, run: Run) -> Stored[Clock] | None:
        """The record of a clock; None for one of which nothing has been told."""
        return self.stored.get(key_of(case.incident, run))

    def of(self, case: Case) -> dict[Identity, Clock]:
        """The records of a case's clocks."""
        found = {run.identity: self.get(case, run) for run in case.runs}
        return {identity: one.state for identity, one in found.items() if one is not None}

    def tell(self, case: Case, moment: Moment, latest: Entry, *, settled: bool = True) -> None:
        """Save what a fact makes of the clock's record, with its event; nothing for one that is not told.

        `latest` is the entry in force at the fact. What a threshold still asks for is decided by all that the case has
        folded; `settled` as in `services.sla.domain.record.describe`. One save for one fact, so that each event carries
        the snapshot of its own moment.
        """
        key, backfill = key_of(case.incident, moment.run), latest.backfill
        stored = self.stored.get(key)
        before = None if stored is None else stored.state
        if telling(before, moment, backfill=backfill) is not Telling.TELL:
            return
        asked, change = self._act(before, case, moment, backfill=backfill)
        place = f"{format_instant(moment.run.spans[0].start)} {key}"
        state = describe(before, moment, latest, self.agreements, place=place, asked=asked, settled=settled)
        event = in_plain_values(_as_the_record_has_it(moment.event, state), change)
        self.stored[key] = self.repository.save(self.work, stored, state, (event,), cause_of(latest, backfill), key=key)
        name = clock_name(state.kind, state.agreement)
        fact = Told(clock=name, priority=state.priority, type=event.type, at=event.at, backfill=backfill)
        self.told.append(fact)

    def move(self, case: Case, run: Run, record: Clock, event: Event, latest: Entry) -> None:
        """Save the record of a clock that other inputs moved. What was told and asked for stays."""
        key = key_of(case.incident, run)
        before, cause = self.stored[key], cause_of(latest, latest.backfill)
        moved = replace(record, told=before.state.told, asked=before.state.asked)
        self.stored[key] = self.repository.save(self.work, before, moved, (in_plain_values(event),), cause)

    def look(self, case: Case, run: Run) -> None:
        """Set the due row of a clock, as its record stands, for the next threshold that `run` has ahead."""
        stored = self.get(case, run)
        if stored is not None and case.latest is not None:
            threshold = awaited(stored.state, run, case.latest, self.agreements, case.kept)
            row, edition = self.due.get(stored.key), self.agreements.edition
            keep_due(self.work, stored.key, row, threshold, run.priority, edition)

    def _act(
        self, before: Clock | None, case: Case, moment: Moment, *, backfill: bool
    ) -> tuple[tuple[Asked, ...], Mapping[str, Any]]:
        """What a threshold asks for, and what its event says of it: how late it is told, which actions it asks for.

        `lapsed` are those that it does not ask for any more, and why.
        """
        threshold, now = moment.threshold, self.work.now
        if threshold is None:
            return (), {}
        run = case.clock(moment.run.identity) or moment.run
        known, _ = advance_kept(run, now, self.agreements, case.kept)
        how = firing(threshold, () if before is None else before.asked, known, self.agreements, backfill=backfill)
        asked = asks(threshold, how)
        lapsed = [] if asked else [action.value for action in threshold.mark.actions]
        return asked, {
            "at": threshold.at,
            "late_seconds": max(now - threshold.at, _NOTHING).total_seconds(),
            "actions": [{"action": one.action.value, "taken": one.taken} for one in asked],
            "lapsed": {"actions": lapsed, "why": how.value} if lapsed else None,
        }


def _as_the_record_has_it(event: Event, state: Clock) -> Event:
    """A breached clock ends late, though a service with other inputs may find it in time."""
    is_late = state.breached_at is not None and event.type in (MET, CANCELLED)
    return replace(event, type=ENDED) if is_late else event


def in_plain_values(event: Event, more: Mapping[str, Any] = MappingProxyType({})) -> Event:
    """The event with every instant as text, and what is told beside it."""
    change = {
        name: format_instant(value) if isinstance(value, datetime) else value
        for name, value in {**event.change, **more}.items()
    }
    return Event(type=event.type, at=event.at, change=change)
