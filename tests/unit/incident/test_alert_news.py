"""What an alert says again with other content: it counts, and people hear of what is worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from services.incident.domain.record import Degree, Incident, Priority, State
from shared.envelope import Envelope, Lane
from tests.unit.incident.factories import House, make_alert

KEPT = {"actor": {"kind": "person", "id": "alice", "roles": ["agent"]}}


def only(house: House) -> Incident:
    (incident,) = house.incidents().values()
    return incident


def changes(house: House, event: str) -> list[Mapping[str, Any]]:
    return [one.data["change"] for one in house.events() if one.type == event]


def warned_then(*alerts: Envelope) -> House:
    house = House()
    house.tell(make_alert("1", severity="warning", title="disk 90 %"))
    for alert in alerts:
        house.tell(alert)
    return house


def test_a_severity_that_rises_raises_the_priority_and_tells_why() -> None:
    house = warned_then(make_alert("2", 1, severity="critical", title="disk 100 %"))
    incident = only(house)
    assert (incident.impact, incident.urgency, incident.priority) == (Degree.HIGH, Degree.HIGH, Priority.P1)
    assert incident.title == "disk 100 %"
    last = house.events()[-1]
    assert (last.type, last.lane, last.data["title"]) == ("incident.prioritised", Lane.URGENT, "disk 100 %")
    assert last.data["change"] == {
        "impact": "high",
        "urgency": "high",
        "priority_from": "P3",
        "priority_to": "P1",
        "cause": "severity",
        "severity_from": "warning",
        "severity_to": "critical",
        "by": "system:/monitor",
        "by_kind": "system",
    }


@pytest.mark.parametrize("source", ["a", "b"])
def test_it_rises_with_any_alert_of_the_incident_and_within_one_batch(source: str) -> None:
    house = House()
    house.tell(
        make_alert("1", severity="info", source="a"),
        make_alert("2", 1, severity="warning", source=source),
        make_alert("3", 2, severity="error", source="a"),
    )
    assert only(house).priority is Priority.P2
    (change,) = changes(house, "incident.prioritised")
    assert (change["severity_from"], change["severity_to"]) == ("info", "error")


def test_a_fall_is_told_and_lowers_nothing_and_the_old_severity_is_no_rise() -> None:
    house = warned_then(make_alert("2", 1, severity="critical"), make_alert("3", 2, severity="warning"))
    assert only(house).priority is Priority.P1
    assert changes(house, "incident.updated")[-1]["severity_to"] == "warning"
    house.tell(make_alert("4", 3, severity="critical"))
    assert len(changes(house, "incident.prioritised")) == 1


def test_what_a_person_set_stands_and_people_hear_of_the_rise_all_the_same() -> None:
    house = warned_then()
    house.do("prioritise", "INC0000001", impact="low", urgency="low")
    house.tell(make_alert("2", 1, severity="critical"))
    assert only(house).priority is Priority.P4
    change = changes(house, "incident.prioritised")[-1]
    assert (change["priority_from"], change["priority_to"], change["kept"]) == ("P4", "P4", True)
    assert (change["severity_from"], change["severity_to"]) == ("warning", "critical")


def test_what_a_person_confirmed_stands_as_well() -> None:
    house = warned_then()
    house.do("prioritise", "INC0000001", impact="medium")
    house.tell(make_alert("2", 1, severity="critical"))
    assert only(house).priority is Priority.P3


def test_marking_an_outage_is_no_judgement_of_the_priority() -> None:
    house = warned_then()
    house.do("prioritise", "INC0000001", outage=True)
    house.tell(make_alert("2", 1, severity="critical"))
    assert only(house).priority is Priority.P1


def test_a_rise_lowers_nothing_that_is_higher_already() -> None:
    house = House()
    house.tell(make_alert("1", severity="error"))
    house.request(
        "prioritise", "INC0000001", {"impact": "high", "urgency": "high"}, actor={"kind": "service", "id": "robot"}
    )
    house.tell(make_alert("2", 1, severity="critical"), make_alert("3", 2, severity="info"))
    assert only(house).priority is Priority.P1


def test_title_url_and_item_follow_the_newest_firing_once_a_batch() -> None:
    house = warned_then()
    house.tell(
        make_alert("2", 1, severity="warning", title="disk 91 %", url="https://mon/1"),
        make_alert("3", 3, severity="warning", title="disk 93 %", url="https://mon/2", ci="db1"),
        make_alert("4", 2, severity="warning", title="disk 92 %", url="https://mon/1", ci="db0"),
    )
    incident = only(house)
    assert (incident.title, incident.url, incident.ci) == ("disk 93 %", "https://mon/2", "db1")
    (change,) = changes(house, "incident.updated")
    assert (change["cause"], change["fields"]) == ("alert", ["ci", "title", "url"])
    assert change["from"] == {"title": "disk 90 %", "url": None, "ci": None}


def test_what_is_not_said_again_stays() -> None:
    house = House()
    house.tell(make_alert("1", ci="db1", url="https://mon/1"))
    house.tell(make_alert("2", 1, title=None))
    assert (only(house).title, only(house).ci, only(house).url) == ("Disk full on db1", "db1", "https://mon/1")
    assert house.types() == ["incident.opened"]


def test_two_senders_who_call_it_differently_do_not_take_turns() -> None:
    house = House()
    for number in range(6):
        source = "ab"[number % 2]
        house.tell(make_alert(str(number), number, source=source, title=f"disk full, says {source}"))
    assert house.types() == ["incident.opened", "incident.updated"]


def test_an_unchanged_repetition_does_not_read_the_incident_and_costs_an_occurrence() -> None:
    house = warned_then(make_alert("2", 1, severity="critical"))
    before, types = house.row("incidents", "INC0000001"), house.types()
    read: list[str] = []
    original = house.store.read
    house.store.read = lambda collection, keys: read.append(collection) or original(collection, keys)  # type: ignore[method-assign,func-returns-value]
    house.tell(*(make_alert(str(number), number, severity="critical") for number in range(3, 20)))
    assert (house.row("incidents", "INC0000001"), house.types()) == (before, types)
    assert sorted(read) == ["alerts", "inbox", "open_alerts"]


def test_a_late_firing_says_nothing_new() -> None:
    house = House()
    house.tell(make_alert("1", 10, severity="warning", title="now"))
    house.tell(make_alert("0", 5, severity="warning", title="before"))
    assert only(house).title == "now"


def test_news_and_the_end_in_one_batch_are_both_told() -> None:
    house = warned_then()
    house.tell(make_alert("2", 1, severity="critical"), make_alert("3", 2, fires=False))
    assert house.types() == ["incident.opened", "incident.updated", "incident.prioritised", "incident.resolved"]
    assert (only(house).priority, only(house).state) == (Priority.P1, State.RESOLVED)


def test_a_reopened_incident_still_knows_how_bad_it_was() -> None:
    house = warned_then(make_alert("2", 1, severity="critical"))
    house.do("resolve", "INC0000001", code="fixed")
    house.do("reopen", "INC0000001", reason="It still fires")
    house.tell(make_alert("3", 2, severity="critical"))
    assert len(changes(house, "incident.prioritised")) == 1


def test_each_occurrence_keeps_how_bad_it_was() -> None:
    house = warned_then(make_alert("2", 1, severity="critical"))
    rows = house.rows("occurrences").values()
    assert [row["severity"] for row in rows] == ["warning", "critical"]


@pytest.mark.parametrize("fallen_first", [True, False])
def test_what_falls_and_rises_again_after_a_person_has_set_the_priority_is_told(fallen_first: bool) -> None:
    house = House()
    house.tell(make_alert("1", severity="critical"))
    steps = [
        lambda: house.tell(make_alert("2", 1, severity="warning")),
        lambda: house.do("prioritise", "INC0000001", impact="low", urgency="low"),
    ]
    for step in steps if fallen_first else reversed(steps):
        step()
    house.tell(make_alert("3", 2, severity="critical"))
    change = changes(house, "incident.prioritised")[-1]
    assert (change["kept"], change["severity_from"], change["severity_to"]) == (True, "warning", "critical")
    assert only(house).priority is Priority.P4
    house.tell(make_alert("4", 3, severity="critical"))
    assert len(changes(house, "incident.prioritised")) == 2


def test_what_clears_at_one_source_and_fires_there_again_is_told_against_what_fired_meanwhile() -> None:
    house = House()
    house.tell(make_alert("1", severity="critical", source="a"), make_alert("2", severity="warning", source="b"))
    house.tell(make_alert("3", 1, fires=False, source="a"))
    house.do("prioritise", "INC0000001", impact="low", urgency="low")
    house.tell(make_alert("4", 2, severity="critical", source="a"))
    assert changes(house, "incident.prioritised")[-1]["kept"] is True


def test_a_source_that_is_no_worse_than_another_that_fires_is_no_rise() -> None:
    house = House()
    house.tell(make_alert("1", severity="critical", source="a"), make_alert("2", severity="critical", source="b"))
    house.do("prioritise", "INC0000001", impact="low", urgency="low")
    house.tell(make_alert("3", 1, severity="warning", source="a"))
    house.tell(make_alert("4", 2, severity="critical", source="a"))
    assert len(changes(house, "incident.prioritised")) == 1


@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_the_first_live_firing_of_what_history_opened_is_told_even_where_nothing_moves(severity: str) -> None:
    house = House()
    house.tell(replace(make_alert("1"), backfill=True))
    house.tell(replace(make_alert("2", 1), backfill=True))
    assert [event.backfill for event in house.events()] == [True]
    house.tell(make_alert("3", 2, severity=severity))
    last = house.events()[-1]
    assert (last.type, last.backfill) == ("incident.prioritised", False)
    assert (last.data["change"]["severity_from"], last.data["change"]["severity_to"]) == (None, severity)
    assert only(house).priority is Priority.P1
    house.tell(make_alert("4", 3, severity=severity))
    assert house.events()[-1] == last


def test_what_history_reopened_is_told_when_it_fires_live() -> None:
    house = House()
    house.tell(make_alert("1"), make_alert("2", 1, fires=False))
    house.tell(replace(make_alert("3", 2), backfill=True))
    house.tell(make_alert("4", 3))
    assert house.types()[-2:] == ["incident.reopened", "incident.prioritised"]


def test_a_later_firing_may_name_the_service_and_the_organisation_and_say_that_it_is_down() -> None:
    house = warned_then(make_alert("2", 1, severity="warning", title="disk 90 %", service="payroll", outage=True))
    assert (only(house).service, only(house).outage) == ("payroll", True)
    house.tell(make_alert("3", 2, severity="warning", title="disk 90 %", service="payroll", organisation="acme"))
    assert (only(house).organisation, only(house).outage) == ("acme", True)
    assert [change["fields"] for change in changes(house, "incident.updated")] == [
        ["outage", "service"],
        ["organisation"],
    ]


def test_an_outage_that_a_person_has_ended_does_not_come_back_with_other_words() -> None:
    house = warned_then(make_alert("2", 1, severity="warning", outage=True))
    house.do("prioritise", "INC0000001", outage=False)
    house.tell(make_alert("3", 2, severity="warning", outage=True, title="disk 91 %"))
    assert (only(house).title, only(house).outage) == ("disk 91 %", False)


def test_a_description_is_taken_over_with_other_news_and_alone_where_there_is_none() -> None:
    house = warned_then(make_alert("2", 1, severity="warning", title="disk 90 %", description="load 1.1"))
    assert only(house).description == "load 1.1"
    for number in range(3, 9):
        house.tell(
            make_alert(f"{number}", number, severity="warning", title="disk 90 %", description=f"load {number}.1")
        )
    assert len(changes(house, "incident.updated")) == 1
    house.tell(make_alert("9", 9, severity="error", title="disk 90 %", description="load 9.9"))
    assert only(house).description == "load 9.9"
