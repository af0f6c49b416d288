"""Events that come shuffled, twice and in any batches leave what the ordered ones leave: clocks, due rows, a proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.domain.kinds import Kind
from services.sla.storage import CASES, CLOCKS, DUE
from shared.envelope import Envelope
from tests.unit.sla.dose import DOSE
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    beside,
    make_agreements,
    make_calendar,
    make_event,
    make_policy,
    make_restricted,
    make_rule,
)
from tests.unit.sla.test_verify import verify

ALL_KINDS = {Kind.NEXT_REPLY: HOUR, Kind.ASSIGNMENT: 2 * HOUR, Kind.VENDOR: 3 * HOUR}
STATES = ("assigned", "in_progress", "waiting", "resolved", "cancelled", "closed")
NOTES: tuple[dict[str, Any], ...] = (
    {},
    {"change": {"author_kind": "requester", "visibility": "public"}},
    {"change": {"author_kind": "agent", "visibility": "public"}},
)


def make_desk() -> SlaInMemory:
    """Every kind of clock; P1 by office hours, the others around the clock; a further agreement for P1."""
    office = make_policy(name="office", calendar="office", response=HOUR / 2, resolution=2 * HOUR, others=ALL_KINDS)
    always = make_policy(others=ALL_KINDS, thresholds=(50, timedelta(hours=1)))
    calendars = {"office": make_calendar("08:00-12:00", "13:00-17:00", days=5)}
    first = make_agreements({"P1": office, "P3": always}, calendars)
    premium = make_policy(name="premium", resolution=3 * HOUR, others=ALL_KINDS)
    return SlaInMemory(beside(first, "premium", make_rule(premium, priority="P1")))


@st.composite
def pasts(draw: st.DrawFn) -> list[Envelope]:
    """The events of up to three incidents, each in its order."""
    found = list[Envelope]()
    for number in range(1, draw(st.integers(1, 3)) + 1):
        at, data = MONDAY, {"number": f"INC{number:07d}"}
        for version in range(1, draw(st.integers(1, 8)) + 1):
            found.append(draw(_event(version, at, data)))
            at += draw(st.integers(-5, 600)) * MINUTE
    return found


@st.composite
def _event(draw: st.DrawFn, version: int, at: Any, data: dict[str, Any]) -> Envelope:
    state = "new" if version == 1 else draw(st.sampled_from(STATES))
    priority = draw(st.sampled_from(("P1", "P3")))
    if draw(st.integers(0, 9)) == 0:
        event = make_restricted(version, at, state=state)
        return replace(
            event, subject=data["number"], data={**event.data, "number": data["number"]}, id=_id(data, version)
        )
    waiting = draw(st.sampled_from(("user", "vendor"))) if state == "waiting" else None
    team = draw(st.sampled_from(("desk", "payroll", None)))
    accepted = "2026-03-02T09:10:00.000Z" if state == "in_progress" else None
    fields = {**data, "state": state, "priority": priority, "waiting_reason": waiting, "team": team}
    event = make_event(version, at, data={**fields, "accepted_at": accepted}, id=_id(data, version))
    note = draw(st.sampled_from(NOTES))
    return replace(event, type="incident.noted", data={**event.data, **note}) if note else event


def _id(data: dict[str, Any], version: int) -> str:
    return f"{data['number']}-{version}"


def left(sla: SlaInMemory) -> tuple[Any, ...]:
    """What is stored, but for how often it was written, the audit, and which copy of an event came first."""
    clocks = {key: {**row, "audit": None} for key, row in sla.rows(CLOCKS).items()}
    cases = {key: {**row, "version": 0, "latest": _untraced(row["latest"])} for key, row in sla.rows(CASES).items()}
    due = {key: {**row, "version": 0} for key, row in sla.rows(DUE).items()}
    return clocks, cases, due


@settings(max_examples=DOSE // 10, deadline=None)
@given(past=pasts(), data=st.data())
def test_shuffled_and_doubled_events_leave_what_ordered_ones_leave(past: list[Envelope], data: st.DataObject) -> None:
    ordered, shuffled = make_desk(), make_desk()
    for event in past:
        ordered.take(event)
    again = [replace(event, id=f"again-{event.id}") for event in data.draw(st.lists(st.sampled_from(past), max_size=4))]
    redelivered = data.draw(st.lists(st.sampled_from(past), max_size=4))
    coming = data.draw(st.permutations([*past, *redelivered, *_unique(again)]))
    while coming:
        size = data.draw(st.integers(1, len(coming)))
        shuffled.take(*coming[:size])
        coming = coming[size:]
    assert left(shuffled) == left(ordered)
    assert verify(shuffled) == verify(ordered)
    assert verify(shuffled)["differences"] == []
    for sla in (ordered, shuffled):
        while sla.tick(max(MONDAY + timedelta(days=9), sla.clock.now())):
            pass
    assert left(shuffled) == left(ordered)
    assert verify(shuffled)["differences"] == []


def _unique(events: list[Envelope]) -> list[Envelope]:
    return list({event.id: event for event in events}.values())


def _untraced(latest: Any) -> Any:
    return latest and {**latest, "trail": None}
