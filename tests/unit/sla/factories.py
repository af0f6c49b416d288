"""Makers of what tests of sla need, and the service over memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from services.sla import handlers, promise_schemas, schemas, storage
from services.sla.domain.actions import Action
from services.sla.domain.basis import Basis, Condition, Field
from services.sla.domain.calendar import Calendar, Interval
from services.sla.domain.history import Entry
from services.sla.domain.mark import Mark
from services.sla.domain.policy import PRIORITIES, Agreed, Agreements, Kind, Policy, PolicySet, Rule, StopsAt, Terms
from shared.clock import FixedClock, format_instant
from shared.command import Command
from shared.envelope import Envelope, Lane, decode
from shared.ids import SequentialIds
from shared.lease import Lease
from shared.store import JOURNAL, Document
from shared.testing import MemoryStore, make_cause
from shared.unit_of_work import Taken, UnitOfWork

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
WEEKDAYS = 5
ZONES = "2026a"
"""What the time zone database calls itself in tests, so that samples outlive its editions."""


def make_interval(text: str) -> Interval:
    """`08:00-12:00`."""
    opens, closes = (timedelta(hours=int(part[:2]), minutes=int(part[3:])) for part in text.split("-"))
    return Interval(opens=opens, closes=closes)


def make_calendar(*intervals: str, days: int = 7, **overrides: Any) -> Calendar:
    """Open in these intervals on the first `days` weekdays; without intervals always."""
    opening = tuple(make_interval(text) for text in intervals or ("00:00-24:00",))
    week = (opening,) * days + ((),) * (7 - days)
    return Calendar(**{"name": "test", "zone": "UTC", "week": week, **overrides})


def make_policy(**overrides: Any) -> Policy:
    """One hour to respond, four to resolve, a warning at half time, a pause while waiting for the user."""
    fields: Document = {
        "name": "standard",
        "calendar": "always",
        "response": HOUR,
        "resolution": 4 * HOUR,
        "thresholds": (50,),
        "response_stops_at": StopsAt.EITHER,
        "pauses": frozenset({"user"}),
    }
    given = {**fields, **overrides}
    return Policy(**{**given, "thresholds": tuple(make_threshold(one) for one in given["thresholds"])})


def make_threshold(point: int | timedelta | Agreed, *actions: Action, clocks: Iterable[Kind] = Kind) -> Agreed:
    """A percent of the target, or an offset from it: negative is before it."""
    if isinstance(point, Agreed):
        return point
    if isinstance(point, timedelta):
        mark = Mark(offset_seconds=int(point.total_seconds()), actions=actions)
    else:
        mark = Mark(percent=int(point), actions=actions)
    return Agreed(mark=mark, clocks=frozenset(clocks))


def make_agreements(
    policies: dict[str, Policy] | None = None, calendars: dict[str, Calendar] | None = None, zones: str = ZONES
) -> Agreements:
    """The same policy for each priority, but for those given; P1 has a quarter of the time."""
    urgent = make_policy(name="critical", response=HOUR / 4, resolution=HOUR)
    standard = dict.fromkeys(PRIORITIES, make_policy()) | {"P1": urgent}
    rules = [make_rule(policy, priority=priority) for priority, policy in ({**standard, **(policies or {})}).items()]
    return agreed(*rules, calendars=calendars, zones=zones)


def make_rule(policy: Policy | str, **conditions: Any) -> Rule:
    """A rule for what has these fields, each one value or a tuple of them; a text is a policy of that name."""
    return Rule(
        policy=make_policy(name=policy) if isinstance(policy, str) else policy,
        conditions=tuple(
            Condition(field=Field(name), values=values if isinstance(values, tuple) else (values,))
            for name, values in conditions.items()
        ),
    )


def make_version(version: str, *rules: Rule, effective_from: datetime | None = None) -> PolicySet:
    """One version of the policies."""
    return PolicySet(version=version, rules=rules, effective_from=effective_from)


def agreed(*rules: Rule, calendars: Mapping[str, Calendar] | None = None, zones: str = ZONES) -> Agreements:
    """One version with these rules, and a calendar `always` beside those given."""
    calendars = {"always": make_calendar(), **(calendars or {})}
    return Agreements(versions=(make_version("1", *rules),), calendars=calendars, zones=zones)


def beside(first: Agreements, name: str, *rules: Rule, internal: bool = False, **version: Any) -> Agreements:
    """The agreements with a further one of one version."""
    versions = (make_version("1", *rules, **version),)
    more = Agreements(versions=versions, calendars=first.calendars, zones=first.zones, name=name, internal=internal)
    return replace(first, further=(*first.further, more))


def terms_for(agreements: Agreements, priority: str = "P3", at: datetime = MONDAY) -> Terms:
    """What holds for an incident of which the priority is all that is known."""
    return agreements.terms(Basis(priority=priority), at)


def make_entry(version: int = 1, at: datetime = MONDAY, **overrides: Any) -> Entry:
    """A version of an incident that is being worked on."""
    fields: Document = {
        "incident": "INC0000001",
        "version": version,
        "type": "incident.opened" if version == 1 else "incident.assigned",
        "at": at,
        "state": "new" if version == 1 else "assigned",
        "priority": "P3",
    }
    return Entry(**{**fields, **overrides})


def make_history(*steps: tuple[timedelta, dict[str, Any]]) -> list[Entry]:
    """Versions from 1 on, each with its time since the first; fields stay until a step changes them."""
    entries, fields = [], dict[str, Any]()
    for version, (after, changes) in enumerate(steps, start=1):
        fields = {**fields, "state": "new", **fields, **changes}
        entries.append(make_entry(version, MONDAY + after, **fields))
    return entries


def make_snapshot(version: int = 1, **overrides: Any) -> Document:
    """The public snapshot of an incident that a monitor reported: nobody asked for it."""
    return {
        "number": "INC0000001",
        "version": version,
        "kind": "incident",
        "state": "new" if version == 1 else "assigned",
        "waiting_reason": None,
        "title": "The payroll is down",
        "description": "",
        "requester": None,
        "channel": "portal",
        "impact": "medium",
        "urgency": "medium",
        "priority": "P3",
        "service": "payroll",
        "organisation": "acme",
        "level": 1,
        "team": "desk",
        "person": None,
        "opened_at": format_instant(MONDAY),
        "accepted_at": None,
        "first_public_reply_at": None,
        **overrides,
    }


def make_event(version: int = 1, at: datetime = MONDAY, **overrides: Any) -> Envelope:
    """An event of incident. `data` changes fields of the snapshot; the rest are fields of the envelope."""
    snapshot = {**make_snapshot(version), **overrides.pop("data", {}), "change": {}}
    number = snapshot["number"]
    fields: Document = {
        "id": f"{number}-{version}",
        "source": "/incident",
        "type": "incident.opened" if version == 1 else "incident.assigned",
        "time": at,
        "subject": number,
        "sequence": version,
        "correlationid": f"trail-{number}",
        "lane": Lane.NORMAL,
        "data": snapshot,
    }
    return Envelope(**{**fields, **overrides})


def make_restricted(version: int = 1, at: datetime = MONDAY, *, state: str = "new", **overrides: Any) -> Envelope:
    """An event of a restricted incident: it tells number, version, state and priority."""
    data = {"number": "INC0000001", "version": version, "state": state, "priority": "P3"}
    event = make_event(version, at, restricted=True, **overrides)
    return Envelope(**{**{name: getattr(event, name) for name in event.__slots__}, "data": data})


class SlaInMemory:
    """The service over memory: takes events, ticks, answers; `clock` stands until it is moved."""

    def __init__(self, agreements: Agreements | None = None) -> None:
        self.store = MemoryStore()
        self.clock = FixedClock(MONDAY)
        self.unit_of_work = UnitOfWork(self.store, self.clock, SequentialIds(), pause=lambda _: None)
        self.agreements = agreements or make_agreements()
        self.clocks = storage.clocks(schemas.snapshot)
        self.promises = storage.promises(promise_schemas.snapshot)
        self.lateness: list[float] = []
        self.breaches: list[tuple[str, str]] = []
        self.lease = self.hold(1)

    def hold(self, token: int) -> Lease:
        """Give the lease to the holder of this token."""
        self.store.collections["leases"] = {"due": {"_id": "due", "key": "due", "token": token, "version": 1}}
        return Lease(name="due", token=token, until=MONDAY)

    def take(self, *envelopes: Envelope) -> Taken:
        return handlers.take_incidents(
            self.unit_of_work,
            envelopes,
            clocks=self.clocks,
            promises=self.promises,
            agreements=self.agreements,
            read=schemas.read_entry,
            observe_breach=self._breach,
        )

    def tick(self, at: datetime | None = None) -> int:
        if at is not None:
            self.clock.advance(at - self.clock.now())
        return handlers.run_due(
            self.unit_of_work,
            self.lease,
            clocks=self.clocks,
            agreements=self.agreements,
            observe_lateness=self.lateness.append,
            observe_breach=self._breach,
        )

    def restart(self, agreements: Agreements) -> None:
        """The service ends and starts with these agreements."""
        self.agreements = agreements
        handlers.announce(self.unit_of_work, agreements)

    def reckon(self) -> int:
        """All rounds that find open records of other inputs; how many they looked at."""
        done = 0
        while found := self.reckon_once():
            done += found
        return done

    def reckon_once(self) -> int:
        """One round of it."""
        return handlers.run_reckoning(
            self.unit_of_work,
            self.lease,
            clocks=self.clocks,
            promises=self.promises,
            agreements=self.agreements,
            observe_breach=self._breach,
        )

    def ask(self, question: Any, args: Document | None = None, number: str | None = None) -> Any:
        given: Document = {"agreements": self.agreements} if question is handlers.get else {}
        command = Command(number=number, args={}, cause=make_cause(), expected_version=None, idempotency_key=None)
        ask = partial(question, clocks=self.clocks, **given)
        return self.unit_of_work.run(lambda work: ask(work, command, {"limit": 50, **(args or {})}))

    def rows(self, collection: str) -> dict[str, Document]:
        return self.store.collections.get(collection, {})

    def published(self) -> list[Envelope]:
        """In the order in which they were written: the memory keeps it, and ids of one run may tie in text."""
        return [decode(row["body"]) for row in self.rows(JOURNAL).values()]

    def told(self, kind: str = "resolution") -> list[tuple[str, datetime]]:
        """What was told about the clocks of one kind: the last word of the type, and when it was true."""
        events = [event for event in self.published() if (event.subject or "").endswith(kind)]
        return [(event.type.removeprefix("sla."), event.time) for event in events]

    def _breach(self, clock: str, priority: str) -> None:
        self.breaches.append((clock, priority))
