"""What `explain` says of a clock, over the service in memory."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla import handlers, question_schemas
from services.sla.domain.calendar import Calendar, business_time
from services.sla.domain.calendar_reasons import OPEN, OUTSIDE
from services.sla.domain.calendar_reasons import explain as reasons
from shared.command import Command
from shared.errors import Forbidden, Invalid, NotFound
from shared.store import Document
from shared.testing import make_cause
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    make_agreements,
    make_calendar,
    make_event,
    make_policy,
    make_restricted,
)
from tests.unit.sla.lives import life
from tests.unit.sla.strategies import calendars_at_edges

ACCEPTED = {"state": "in_progress", "accepted_at": "2026-03-02T09:05:00.000Z"}
WAITING = {**ACCEPTED, "state": "waiting", "waiting_reason": "user"}
NUMBER = "INC0000001"


def explain(sla: SlaInMemory, number: str = NUMBER, **args: Any) -> Document:
    command = Command(number=number, args={}, cause=make_cause(), expected_version=None, idempotency_key=None)
    loaded = question_schemas.ExplainArgs().load(args)
    return sla.unit_of_work.run(lambda work: handlers.explain_clocks(work, command, loaded, agreements=sla.agreements))


def resolution(answer: Document) -> Document:
    return next(clock for clock in answer["clocks"] if clock["clock"] == "resolution")


def make_office_desk() -> SlaInMemory:
    """Open 08:00 to 16:00 UTC from Monday to Friday, closed on Tuesday the 3rd."""
    office = make_calendar("08:00-16:00", days=5, name="office", holidays={date(2026, 3, 3): "Founding Day"})
    policies = {"P3": make_policy(calendar="office", resolution=10 * HOUR)}
    return SlaInMemory(make_agreements(policies, {"office": office}))


def test_a_span_names_the_event_that_began_it_and_how_much_of_it_counted() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(2, MONDAY + HOUR, data=WAITING), make_event(3, MONDAY + 3 * HOUR, data=ACCEPTED))
    sla.clock.advance(4 * HOUR)
    clock = resolution(explain(sla))
    assert [
        (span["activity"], span["reason"], span["seconds"] / 3600, span["counted_seconds"] / 3600, span["event"]["id"])
        for span in clock["spans"]
    ] == [
        ("running", None, 1, 1, "INC0000001-1"),
        ("waiting", "user", 2, 0, "INC0000001-2"),
        ("running", None, 1, 1, "INC0000001-3"),
    ]
    assert clock["spans"][1]["excluded"] == [{"why": "paused by policy", "seconds": 7200.0}]
    assert (clock["elapsed_seconds"], clock["due_at"]) == (7200.0, "2026-03-02T15:00:00.000Z")


def test_time_outside_hours_and_on_a_holiday_is_excluded_by_name() -> None:
    sla = make_office_desk()
    sla.take(make_event())
    sla.clock.advance(timedelta(days=2, hours=1))
    (span,) = resolution(explain(sla))["spans"]
    assert {one["why"]: one["seconds"] / 3600 for one in span["excluded"]} == {"outside hours": 16, "Founding Day": 24}
    assert [one["why"] for one in span["stretches"]] == [OPEN, OUTSIDE, "Founding Day", OUTSIDE, OPEN]
    assert span["counted_seconds"] == 9 * 3600


def test_thresholds_behind_and_ahead_stand_with_their_instants() -> None:
    sla = SlaInMemory()
    sla.take(make_event())
    sla.clock.advance(3 * HOUR)
    assert resolution(explain(sla))["thresholds"] == [
        {"name": "50%", "percent": 50, "at": "2026-03-02T11:00:00.000Z", "passed": True, "kept": False},
        {"name": "100%", "percent": 100, "at": "2026-03-02T13:00:00.000Z", "passed": False, "kept": False},
    ]


def test_the_verdict_of_a_past_instant_is_what_was_true_then() -> None:
    sla = SlaInMemory()
    sla.take(*life())
    sla.clock.advance(timedelta(days=30))
    before, after = (resolution(explain(sla, at=at)) for at in ("2026-03-02T09:20:00Z", "2026-03-10T00:00:00Z"))
    assert (before["state"], before["priority"], before["elapsed_seconds"]) == ("running", "P3", 1200.0)
    assert (after["state"], after["priority"]) == ("breached", "P1")


def test_an_explanation_holds_whatever_is_stored() -> None:
    sla = SlaInMemory()
    sla.take(*life())
    sla.clock.advance(timedelta(days=30))
    honest = explain(sla)
    for row in sla.rows("clocks").values():
        row["elapsed_seconds"], row["breached_at"] = 1.0, None
    found = explain(sla)
    assert [one["told"]["breached_at"] for one in found["clocks"] if one["told"]] == [None]
    assert [{**one, "told": None} for one in found["clocks"]] == honest["clocks"]


def test_one_clock_can_be_asked_for() -> None:
    sla = SlaInMemory()
    sla.take(make_event())
    assert [clock["clock"] for clock in explain(sla, clock="response")["clocks"]] == ["response"]


def test_the_facts_tell_what_moved_and_when() -> None:
    sla = SlaInMemory()
    sla.take(*life())
    sla.clock.advance(timedelta(days=30))
    facts = resolution(explain(sla))["facts"]
    assert [fact["type"] for fact in facts] == [
        "sla.started",
        "sla.paused",
        "sla.resumed",
        "sla.recomputed",
        "sla.warned",
        "sla.breached",
        "sla.ended",
        "sla.resumed",
        "sla.ended",
    ]
    assert (facts[3]["change"]["priority_from"], facts[3]["change"]["priority_to"]) == ("P3", "P1")
    assert facts[3]["change"]["fields"] == ["priority"]


def test_a_restricted_incident_is_not_explained_even_as_of_a_time_before_it_was() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_restricted(2, MONDAY + HOUR))
    sla.clock.advance(2 * HOUR)
    with pytest.raises(Forbidden):
        explain(sla, at="2026-03-02T09:30:00Z")


@pytest.mark.parametrize(
    ("number", "args", "slug"),
    [
        ("INC0000009", {}, "not-found"),
        (NUMBER, {"at": "2026-03-01T00:00:00Z"}, "not-begun"),
    ],
)
def test_what_cannot_be_explained_says_why(number: str, args: Document, slug: str) -> None:
    sla = SlaInMemory()
    sla.take(make_event())
    with pytest.raises(NotFound) as raised:
        explain(sla, number, **args)
    assert raised.value.slug == slug


def test_history_that_is_no_longer_kept_is_not_guessed() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(2, MONDAY + MINUTE))
    del sla.rows("history")["INC0000001:1"]
    with pytest.raises(NotFound) as raised:
        explain(sla)
    assert raised.value.slug == "history-gone"


def test_the_future_is_not_explained() -> None:
    sla = SlaInMemory()
    sla.take(make_event())
    with pytest.raises(Invalid):
        explain(sla, at="2026-04-01T00:00:00Z")


@settings(max_examples=60, deadline=None)
@given(drawn=calendars_at_edges(), hours=st.integers(0, 100))
def test_stretches_cover_the_span_and_their_open_part_is_what_the_calendar_counts(
    drawn: tuple[Calendar, datetime], hours: int
) -> None:
    calendar, start = drawn
    end = start + hours * HOUR
    found = reasons(calendar, start, end)
    edges = [start, *(one.end for one in found)]
    assert [one.start for one in found] == edges[:-1]
    assert edges[-1] == end
    counted = sum((one.end - one.start for one in found if one.open), timedelta(0))
    assert counted == business_time(calendar, start, end)


def test_a_closed_weekend_day_is_outside_hours_even_on_a_holiday() -> None:
    sunday = datetime(2026, 3, 8, tzinfo=UTC)
    calendar = make_calendar("08:00-16:00", days=5, holidays={sunday.date(): "Founding Day"})
    assert [one.why for one in reasons(calendar, sunday, sunday + 24 * HOUR)] == [OUTSIDE]
