"""Tells facts of the fold: saves the clock's record with the event, each fact once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.sla.domain.clock import Moment
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements, Kind
from services.sla.domain.record import Clock, Telling, describe, is_threshold, telling
from services.sla.events import BREACHED
from services.sla.handlers.rows import clock_key
from shared.cause import Cause, service_actor
from shared.clock import format_instant
from shared.event import Event
from shared.storage import Repository, Stored
from shared.unit_of_work import Work

ACTOR = service_actor("sla")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A fact that was told, for the metrics."""

    kind: Kind
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
    backfill: bool,
    clocks: Repository[Clock],
    agreements: Agreements,
) -> tuple[Stored[Clock] | None, Told | None]:
    """The clock's record after the fact, and the fact if it was told; `latest` is the entry in force.

    One save for one fact, so that each event carries the snapshot of its own moment.
    """
    if telling(None if stored is None else stored.state, moment, backfill=backfill) is not Telling.TELL:
        return stored, None
    kind = moment.run.kind
    key = clock_key(latest.incident, kind)
    place = f"{format_instant(moment.run.spans[0].start)} {key}"
    state = describe(None if stored is None else stored.state, moment, latest, agreements, place)
    event = _in_plain_values(moment)
    saved = clocks.save(work, stored, state, (event,), cause_of(latest, backfill=backfill), key=key)
    told = Told(kind=kind, priority=state.priority, type=event.type, at=event.at, backfill=backfill)
    return saved, told


def _in_plain_values(moment: Moment) -> Event:
    """The fact's event with every instant as text; that of a threshold says when it was passed."""
    event = moment.event
    change = {**event.change, "at": event.at} if is_threshold(moment) else event.change
    plain = {name: format_instant(value) if isinstance(value, datetime) else value for name, value in change.items()}
    return Event(type=event.type, at=event.at, change=plain)
