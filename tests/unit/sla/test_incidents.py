from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from services.sla.storage import CASES, CLOCKS, DOCUMENTS, HISTORY
from shared.envelope import Lane
from shared.store import AUDIT, INBOX, JOURNAL
from tests.unit.sla.factories import HOUR, MONDAY, SlaInMemory, make_event
from tests.unit.sla.lives import life

INCIDENTS = ("INC0000001", "INC0000002")


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
        ("ended", 22),
        ("resumed", 23),
        ("ended", 30),
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


def test_a_live_breach_is_counted_once() -> None:
    sla = SlaInMemory()
    sla.take(make_event(), make_event(2, MONDAY + 2 * HOUR))
    sla.tick(MONDAY + 3 * HOUR)
    sla.take(make_event(2, MONDAY + 2 * HOUR))
    assert sla.breaches == [("response", "P3")]


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
    events = sla.published()
    one, two = ([(one.type, one.time) for one in events if one.data["incident"] == number] for number in INCIDENTS)
    assert one == two


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


def test_every_collection_that_is_written_has_its_document_and_indexes() -> None:
    sla = SlaInMemory()
    sla.restart(sla.agreements)
    sla.take(make_event(data={"requester": {"id": "rita"}, "outage": True}))
    own = {document._meta["collection"] for document in DOCUMENTS}
    assert sla.store.collections.keys() - {AUDIT, INBOX, JOURNAL, "leases"} == own
