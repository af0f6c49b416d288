from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.storage import CASES, CLOCKS, DUE, HISTORY
from shared.envelope import Envelope, Lane
from shared.unit_of_work import AUDIT
from tests.unit.sla.factories import HOUR, MINUTE, MONDAY, SlaInMemory, make_event, make_restricted

ACCEPTED = {"state": "in_progress", "accepted_at": "2026-03-02T09:10:00.000Z"}
LIFE: tuple[tuple[timedelta, dict[str, Any]], ...] = (
    (0 * MINUTE, {}),
    (5 * MINUTE, {"team": "payroll", "level": 2, "state": "assigned"}),
    (10 * MINUTE, ACCEPTED),
    (30 * MINUTE, {**ACCEPTED, "state": "waiting", "waiting_reason": "user"}),
    (20 * HOUR, ACCEPTED),
    (21 * HOUR, {**ACCEPTED, "priority": "P1"}),
    (22 * HOUR, {**ACCEPTED, "priority": "P1", "state": "resolved"}),
    (23 * HOUR, {**ACCEPTED, "priority": "P1"}),
    (30 * HOUR, {**ACCEPTED, "priority": "P1", "state": "resolved"}),
)


def life(number: str = "INC0000001", **overrides: Any) -> list[Envelope]:
    """The events of one incident from opening to its second solution."""
    return [
        make_event(version, MONDAY + after, data={"number": number, **data}, **overrides)
        for version, (after, data) in enumerate(LIFE, start=1)
    ]


def outcome(sla: SlaInMemory) -> tuple[Any, Any]:
    """The clocks, and every clock's events in order, without what differs from run to run."""
    clocks = {key: {**row, "audit": None} for key, row in sla.rows(CLOCKS).items()}
    events: dict[str | None, list[Any]] = {}
    for event in sla.published():
        told = (event.type, event.time, event.sequence, event.data, event.lane, event.backfill, event.causationid)
        events.setdefault(event.subject, []).append(told)
    return clocks, events


def test_an_incident_starts_one_clock_of_each_kind() -> None:
    sla = SlaInMemory()
    sla.take(make_event())
    assert sla.rows(CLOCKS).keys() == {"INC0000001:response", "INC0000001:resolution"}
    assert [event.type for event in sla.published()] == ["sla.started", "sla.started"]


def test_a_life_is_told_in_order_with_the_true_moments() -> None:
    sla = SlaInMemory()
    sla.take(*life())
    facts = [(name, (at - MONDAY) / HOUR) for name, at in sla.told()]
    assert facts == [
        ("started", 0),
        ("paused", 0.5),
        ("resumed", 20),
        ("recomputed", 21),
        ("warned", 21),
        ("breached", 21),
    ]
    assert [name for name, _ in sla.told("response")] == ["started", "met"]


def test_what_follows_carries_the_trail_of_its_cause() -> None:
    sla = SlaInMemory()
    sla.take(make_event(hops=3, traceparent="00-1-2-01"))
    event = sla.published()[0]
    assert (event.correlationid, event.causationid, event.hops, event.traceparent) == (
        "trail-INC0000001",
        "INC0000001-1",
        4,
        "00-1-2-01",
    )
    assert (event.data["change"]["by"], event.data["change"]["by_kind"]) == ("sla", "service")


def test_each_event_carries_the_snapshot_of_its_own_moment() -> None:
    sla = SlaInMemory()
    sla.take(*life()[:5])
    mine = [event.data for event in sla.published() if event.subject == "INC0000001:resolution"]
    assert [(data["state"], data["elapsed_seconds"], data["version"]) for data in mine] == [
        ("running", 0, 1),
        ("paused", 1800, 2),
        ("running", 1800, 3),
    ]
    assert [data["team"] for data in mine] == ["desk", "desk", "desk"]


def test_a_breach_belongs_to_the_team_that_had_the_incident() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(2, MONDAY + 9 * HOUR, data={"team": "payroll"}))
    breach = next(event for event in sla.published() if event.type == "sla.breached")
    assert breach.data["team"] == "desk"
    assert breach.data["change"]["at"] == "2026-03-02T10:00:00.000Z"


def test_versions_that_come_early_wait_visibly_until_the_gap_closes() -> None:
    sla = SlaInMemory()
    events = life()
    sla.take(events[0], events[2], events[3])
    assert sla.rows(CASES)["INC0000001"]["gap"]
    assert len(sla.rows(HISTORY)) == 3
    assert [name for name, _ in sla.told("response")] == ["started"]
    sla.take(events[1])
    assert not sla.rows(CASES)["INC0000001"]["gap"]
    assert [name for name, _ in sla.told("response")] == ["started", "met"]


def test_a_version_that_comes_again_under_another_id_changes_nothing() -> None:
    sla = SlaInMemory()
    sla.take(*life())
    before = outcome(sla)
    taken = sla.take(*(make_event(version, id=f"again-{version}") for version in range(1, 5)))
    assert len(taken.handled) == 4
    assert outcome(sla) == before


@given(st.permutations(range(len(LIFE))), st.lists(st.integers(1, 4), min_size=9, max_size=9), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_order_and_any_batches_give_the_same_clocks_and_events(
    order: list[int], sizes: list[int], backfill: bool
) -> None:
    expected, sla = SlaInMemory(), SlaInMemory()
    events = life(backfill=backfill)
    expected.take(*events)
    shuffled = [events[place] for place in order]
    while shuffled:
        size = sizes.pop()
        sla.take(*shuffled[:size])
        shuffled = shuffled[size:]
    assert outcome(sla) == outcome(expected)
    assert [dict(row, version=0) for row in sla.rows(DUE).values()] == [
        dict(row, version=0) for row in expected.rows(DUE).values()
    ]


DELAYS = st.lists(st.integers(0, 40 * 60), max_size=12)


@given(DELAYS)
@settings(max_examples=60, deadline=None)
def test_what_is_told_does_not_depend_on_when_the_ticker_looked(minutes: list[int]) -> None:
    expected, sla = SlaInMemory(), SlaInMemory()
    expected.take(*life())
    looks = sorted(MONDAY + minute * MINUTE for minute in minutes)
    for event in life():
        for look in [one for one in looks if one <= event.time]:
            sla.tick(look)
        looks = [one for one in looks if one > event.time]
        sla.take(event)
    told = [(name, at) for name, at in sla.told()]
    assert told == expected.told()
    assert without_causes(outcome(sla)) == without_causes(outcome(expected))


def without_causes(result: tuple[Any, Any]) -> tuple[Any, Any]:
    clocks, events = result
    return clocks, {subject: [told[:-1] for told in mine] for subject, mine in events.items()}


def test_history_that_is_brought_over_is_counted_and_warns_nobody() -> None:
    sla = SlaInMemory()
    sla.take(*life(backfill=True))
    assert [name for name, _ in sla.told()] == ["started", "paused", "resumed", "recomputed", "breached"]
    assert all(event.backfill and event.lane is Lane.BULK for event in sla.published())
    assert sla.rows(DUE) == {}
    assert sla.breaches == []


def test_what_history_passed_before_it_became_live_stays_history() -> None:
    sla = SlaInMemory()
    old = make_event(backfill=True)
    sla.take(old, make_event(2, MONDAY + 90 * MINUTE), make_event(3, MONDAY + 3 * HOUR))
    told = [(event.type, event.backfill) for event in sla.published() if event.subject == "INC0000001:resolution"]
    assert told == [("sla.started", True), ("sla.warned", False)]
    breach = next(event for event in sla.published() if event.type == "sla.breached")
    assert (breach.subject, breach.backfill) == ("INC0000001:response", True)
    assert sla.rows(DUE).keys() == {"INC0000001:resolution"}


def test_a_live_breach_is_counted_once() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(2, MONDAY + 2 * HOUR))
    sla.tick(MONDAY + 3 * HOUR)
    sla.take(make_event(2, MONDAY + 2 * HOUR))
    assert sla.breaches == [("response", "P3")]


def test_a_restricted_incident_has_clocks_that_tell_no_more_than_it_does() -> None:
    sla = SlaInMemory()
    sla.take(
        make_restricted(),
        make_restricted(2, MONDAY + MINUTE, state="in_progress", type="incident.accepted"),
        make_restricted(3, MONDAY + 9 * HOUR, state="resolved"),
    )
    assert [name for name, _ in sla.told("response")] == ["started", "met"]
    assert [name for name, _ in sla.told()] == ["started", "warned", "breached"]
    for event in sla.published():
        assert event.restricted
        assert event.data.keys() == {"number", "version", "state", "priority"}


def test_a_threshold_passed_before_an_incident_was_restricted_is_told_restricted() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_restricted(2, MONDAY + 9 * HOUR, state="assigned"))
    late = [event for event in sla.published() if event.type != "sla.started"]
    assert all(event.restricted for event in late)


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"state": "lost"}, "/data/state"),
        ({"priority": "P9"}, "/data/priority"),
        ({"version": "1"}, "/data/version"),
        ({"number": ""}, "/data/number"),
        ({"waiting_reason": "coffee"}, "/data/waiting_reason"),
    ],
)
def test_one_bad_event_is_rejected_with_its_place_and_the_others_are_taken(data: dict[str, Any], pointer: str) -> None:
    sla = SlaInMemory()
    bad, good = make_event(id="bad", data=data), make_event(data={"number": "INC0000002"})
    taken = sla.take(bad, good)
    assert {key: (error.slug, error.pointer) for key, error in taken.rejected.items()} == {"bad": ("bad-data", pointer)}
    assert sla.rows(CASES).keys() == {"INC0000002"}


def test_unknown_fields_and_event_types_of_incident_are_taken() -> None:
    sla = SlaInMemory()
    taken = sla.take(make_event(type="incident.painted", data={"colour": "red"}))
    assert len(taken.handled) == 1


def test_incidents_of_one_batch_keep_apart() -> None:
    sla = SlaInMemory()
    mixed = [event for pair in zip(life(), life("INC0000002"), strict=True) for event in pair]
    sla.take(*mixed)
    assert len(sla.rows(CLOCKS)) == 4
    one, two = outcome(sla)[1]["INC0000001:resolution"], outcome(sla)[1]["INC0000002:resolution"]
    assert [told[:3] for told in one] == [told[:3] for told in two]


def test_priority_one_is_urgent() -> None:
    sla = SlaInMemory()
    sla.take(make_event(data={"priority": "P1"}))
    assert {event.lane for event in sla.published()} == {Lane.URGENT}


def test_every_fact_has_its_row_in_the_audit() -> None:
    sla = SlaInMemory()
    sla.take(*life())
    assert len(sla.rows(AUDIT)) == len(sla.published())


def test_the_history_keeps_what_came_as_long_as_nothing_removes_it() -> None:
    sla = SlaInMemory()
    sla.take(make_event())
    row = sla.rows(HISTORY)["INC0000001:1"]
    assert (row["incident"], row["version"], row["type"], row["at"]) == ("INC0000001", 1, "incident.opened", MONDAY)
    assert isinstance(row["stored_at"], datetime)
