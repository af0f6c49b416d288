"""Tells facts of the fold: saves the clock's record with the event, each fact once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from services.sla.domain.clock import Moment
from services.sla.domain.firing import Asked, asks, firing
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements
from services.sla.domain.record import Clock, Telling, describe, telling
from services.sla.domain.run import Run, clock_name
from services.sla.events import BREACHED, CANCELLED, ENDED, MET
from services.sla.handlers.rows import key_of
from shared.cause import Cause, service_actor
from shared.clock import format_instant
from shared.event import Event
from shared.storage import Repository, Stored
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


def cause_of(entry: Entry, *, backfill: bool) -> Cause:
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


def tell(
    work: Work,
    stored: Stored[Clock] | None,
    moment: Moment,
    latest: Entry,
    *,
    known: Run,
    backfill: bool,
    clocks: Repository[Clock],
    agreements: Agreements,
    settled: bool = True,
) -> tuple[Stored[Clock] | None, Told | None]:
    """The clock's record after the fact, and the fact if it was told; `latest` is the entry in force.

    `known` is the clock with all that is known now: it decides whether a threshold still acts; `settled` as in
    `services.sla.domain.record.describe`. One save for one fact, so that each event carries the snapshot of its own
    moment.
    """
    before = None if stored is None else stored.state
    if telling(before, moment, backfill=backfill) is not Telling.TELL:
        return stored, None
    key = key_of(latest.incident, moment.run)
    place = f"{format_instant(moment.run.spans[0].start)} {key}"
    asked, change = _act(before, moment, known, agreements, backfill=backfill, now=work.now)
    state = describe(before, moment, latest, agreements, place=place, asked=asked, settled=settled)
    event = in_plain_values(_as_the_record_has_it(moment.event, state), change)
    saved = clocks.save(work, stored, state, (event,), cause_of(latest, backfill=backfill), key=key)
    name = clock_name(state.kind, state.agreement)
    return saved, Told(clock=name, priority=state.priority, type=event.type, at=event.at, backfill=backfill)


def _as_the_record_has_it(event: Event, state: Clock) -> Event:
    """A breached clock ends late, though a service with other inputs may find it in time."""
    is_late = state.breached_at is not None and event.type in (MET, CANCELLED)
    return replace(event, type=ENDED) if is_late else event


def _act(
    before: Clock | None, moment: Moment, known: Run, agreements: Agreements, *, backfill: bool, now: datetime
) -> tuple[tuple[Asked, ...], Mapping[str, Any]]:
    """What a threshold asks for, and what its event says of it: how late it is told, which actions it asks for.

    `lapsed` are those that it does not ask for any more, and why.
    """
    threshold = moment.threshold
    if threshold is None:
        return (), {}
    how = firing(threshold, () if before is None else before.asked, known, agreements, backfill=backfill)
    asked = asks(threshold, how)
    lapsed = [] if asked else [action.value for action in threshold.mark.actions]
    return asked, {
        "at": threshold.at,
        "late_seconds": max(now - threshold.at, _NOTHING).total_seconds(),
        "actions": [{"action": one.action.value, "taken": one.taken} for one in asked],
        "lapsed": {"actions": lapsed, "why": how.value} if lapsed else None,
    }


def in_plain_values(event: Event, more: Mapping[str, Any] = MappingProxyType({})) -> Event:
    """The event with every instant as text, and what is told beside it."""
    change = {
        name: format_instant(value) if isinstance(value, datetime) else value
        for name, value in {**event.change, **more}.items()
    }
    return Event(type=event.type, at=event.at, change=change)
