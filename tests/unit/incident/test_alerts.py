"""Alerts: joined, cleared, late, repeated, shuffled."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incident.domain.alert_rules import AlertRules
from services.incident.domain.alerts import fingerprint
from services.incident.domain.record import Incident, Priority, State
from shared.envelope import Envelope, Lane
from shared.testing import make_envelope
from tests.unit.incident.factories import CALM, LATER, NOW, RULES, House, batches, make_alert

DISK = fingerprint("disk:db1")


def only(house: House) -> Incident:
    (incident,) = house.incidents().values()
    return incident


def test_a_firing_alert_opens_an_incident() -> None:
    house = House()
    house.tell(make_alert("1", ci="db1", service="shop", description="97 % used"))
    incident = only(house)
    assert (incident.title, incident.ci, incident.service) == ("Disk full on db1", "db1", "shop")
    assert (incident.priority, incident.channel, incident.opened_at) == (Priority.P1, "alert", NOW)
    (event,) = house.events()
    assert (event.type, event.lane, event.data["fingerprint"]) == ("incident.opened", Lane.URGENT, DISK)


@pytest.mark.parametrize(
    ("said", "outage"),
    [
        ({"outage": True}, True),
        ({"labels": {"outage": "true"}}, True),
        ({"outage": False, "labels": {"outage": "true"}}, False),
        ({"labels": {"outage": "no"}}, False),
        ({}, False),
    ],
)
def test_an_alert_may_mark_the_incident_that_it_opens_as_an_outage(said: dict[str, Any], outage: bool) -> None:
    house = House()
    house.tell(make_alert("1", **said))
    assert only(house).outage is outage
    assert house.events()[0].data["outage"] is outage


def test_a_repetition_costs_no_event_and_leaves_the_incident_as_it_was() -> None:
    house = House()
    house.tell(make_alert("1"))
    before = house.row("incidents", "INC0000001")
    house.tell(*(make_alert(str(number), number) for number in range(2, 50)))
    assert house.row("incidents", "INC0000001") == before
    assert house.types() == ["incident.opened"]
    assert house.row("open_alerts", DISK)["count"] == 49
    assert Counter(row["outcome"] for row in house.rows("occurrences").values()) == {"opened": 1, "joined": 48}


def test_three_senders_of_one_alert_come_to_one_incident() -> None:
    house = House()
    for number, sender in enumerate(("/am/0", "/am/1", "/am/2")):
        alert = make_alert("1", number / 60, source="prometheus")
        house.tell(make_envelope(id="1", source=sender, time=alert.time, data=alert.data))
    assert len(house.incidents()) == 1
    assert len(house.rows("occurrences")) == 3
    assert house.rows("alerts").keys() == {f"{DISK}:prometheus"}


def test_the_incident_is_resolved_when_its_last_alert_has_cleared() -> None:
    house = House()
    house.tell(make_alert("1", source="a"), make_alert("2", 1, source="b"))
    house.tell(make_alert("3", 2, fires=False, source="a"))
    assert only(house).state is State.NEW
    house.tell(make_alert("4", 3, fires=False, source="b"))
    incident = only(house)
    assert incident.state is State.RESOLVED
    assert incident.resolution is not None
    assert incident.resolution.code == "alert_cleared"
    assert house.rows("open_alerts") == {}
    assert house.events()[-1].data["change"]["by"] == "system:/monitor"


def test_a_resolution_without_a_source_clears_them_all() -> None:
    house = House()
    house.tell(make_alert("1", source="a"), make_alert("2", 1, source="b"))
    house.tell(make_alert("3", 2, fires=False))
    assert only(house).state is State.RESOLVED
    house.tell(make_alert("4", 1.5, source="c"))
    assert house.row("occurrences", "/monitor:4")["outcome"] == "stale"


def test_opening_joining_and_clearing_within_one_batch_leaves_nothing_open() -> None:
    house = House(alerts=CALM)
    house.tell(make_alert("1"), make_alert("2", 1), make_alert("3", 2, fires=False), make_alert("4", 3))
    first, second = house.incidents().values()
    assert (first.state, second.state) == (State.RESOLVED, State.NEW)
    assert house.row("open_alerts", DISK)["incident"] == "INC0000002"


def test_a_firing_that_is_older_than_the_resolution_opens_nothing() -> None:
    house = House()
    house.tell(make_alert("2", 5, fires=False))
    taken = house.tell(make_alert("1", 4))
    assert taken.handled == {"1"}
    assert house.incidents() == {}
    assert house.row("occurrences", "/monitor:1")["outcome"] == "stale"


def test_a_resolution_that_is_older_than_the_last_firing_clears_nothing() -> None:
    house = House()
    house.tell(make_alert("1", 1), make_alert("3", 3), make_alert("2", 2, fires=False))
    assert only(house).state is State.NEW


def test_a_resolution_that_is_dated_ahead_holds_from_now_and_not_until_then() -> None:
    house = House(alerts=CALM)
    house.tell(make_alert("1"))
    house.tell(make_alert("2", 60 + 120, fires=False))
    assert only(house).resolved_at == LATER
    house.unit_of_work.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    house.tell(make_alert("3", 60 + 1))
    assert [one.state for one in house.incidents().values()] == [State.RESOLVED, State.NEW]
    assert house.row("alerts", f"{DISK}:")["resolved_at"] == LATER


def test_a_firing_that_is_dated_ahead_is_cleared_by_the_next_resolution() -> None:
    house = House()
    house.tell(make_alert("1", 60 + 120))
    house.unit_of_work.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    house.tell(make_alert("2", 60 + 1, fires=False))
    assert only(house).state is State.RESOLVED


def test_of_what_is_dated_ahead_in_one_batch_the_last_to_come_holds() -> None:
    house = House(alerts=CALM)
    house.tell(make_alert("1"), make_alert("2", 100, fires=False), make_alert("3", 101))
    assert [one.state for one in house.incidents().values()] == [State.RESOLVED, State.NEW]
    house.tell(make_alert("4", 102, fires=False))
    assert house.rows("open_alerts") == {}


def test_resolving_by_hand_gives_the_claim_back() -> None:
    house = House()
    house.tell(make_alert("1"))
    house.do("resolve", "INC0000001", code="fixed")
    assert house.rows("open_alerts") == {}
    house.tell(make_alert("2", 30))
    assert len(house.incidents()) == 2


def test_a_reopened_incident_takes_its_alert_again() -> None:
    house = House()
    house.tell(make_alert("1"))
    house.do("resolve", "INC0000001", code="fixed")
    house.do("reopen", "INC0000001", reason="It still fires")
    assert house.row("open_alerts", DISK)["firing"] == 1
    house.tell(make_alert("2", 30, fires=False))
    assert only(house).state is State.RESOLVED


def test_an_incident_is_not_reopened_beside_another_of_the_same_alert() -> None:
    house = House()
    house.tell(make_alert("1"))
    house.do("resolve", "INC0000001", code="fixed")
    house.tell(make_alert("2", 30))
    reply = house.do("reopen", "INC0000001", reason="Mine was first")
    assert reply["error"]["slug"] == "another-incident-is-open"


def test_one_bad_alert_does_not_hurt_the_others() -> None:
    house = House()
    too_old = replace(make_alert("bad"), time=datetime(1980, 1, 1, tzinfo=UTC), backfill=True)
    taken = house.tell(too_old, make_alert("good"))
    assert taken.rejected["bad"].as_dict()["pointer"] == "/time"
    assert taken.handled == {"good"}


def test_history_of_alerts_travels_in_bulk() -> None:
    house = House()
    alert = make_alert("1")
    house.tell(make_envelope(id="1", time=alert.time, data=alert.data, backfill=True))
    (event,) = house.events()
    assert (event.lane, event.backfill) == (Lane.BULK, True)


told = st.tuples(st.booleans(), st.integers(0, 20), st.sampled_from(["disk", "cpu"]), st.sampled_from(["a", "b", None]))


def as_messages(many: list[tuple[bool, int, str, str | None]]) -> list[Envelope]:
    return [
        make_alert(str(number), minute, fires=fires, dedup_key=key, source=source)
        for number, (fires, minute, key, source) in enumerate(many)
    ]


@settings(max_examples=50, deadline=None)
@given(
    many=st.lists(told, max_size=25),
    size=st.integers(1, 10),
    repeat=st.booleans(),
    rules=st.sampled_from([CALM, RULES.alerts]),
)
def test_a_fingerprint_never_has_two_open_incidents(
    many: list[tuple[bool, int, str, str | None]], size: int, repeat: bool, rules: AlertRules
) -> None:
    house = House(alerts=rules)
    messages = as_messages(many)
    for batch in batches(messages, size):
        house.tell(*batch, *(batch if repeat else ()))
    unfinished = {key: one.fingerprint for key, one in house.incidents().items() if one.unfinished}
    assert len(set(unfinished.values())) == len(unfinished)
    assert {row["incident"]: key for key, row in house.rows("open_alerts").items()} == unfinished
    assert len(house.rows("occurrences")) == len(messages)
    for key, claim in house.rows("open_alerts").items():
        firing = [row for row in house.rows("alerts").values() if _fires_for(row, key, claim["incident"])]
        assert claim["firing"] == len(firing)
        assert firing or claim["settles_at"]


@settings(max_examples=50, deadline=None)
@given(
    minutes=st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=12, unique_by=lambda m: m[1]),
    order=st.randoms(use_true_random=False),
    size=st.integers(1, 5),
)
def test_whether_an_alert_is_open_does_not_depend_on_the_order_of_arrival(
    minutes: list[tuple[bool, int]], order: Random, size: int
) -> None:
    messages = as_messages([(fires, minute, "disk", "a") for fires, minute in minutes])
    last_fires = max(minutes, key=lambda one: one[1])[0]
    order.shuffle(messages)
    house = House(alerts=CALM)
    for batch in batches(messages, size):
        house.tell(*batch)
    assert any(one.unfinished for one in house.incidents().values()) is last_fires


def _fires_for(row: dict[str, object], key: str, incident: str) -> bool:
    return (row["fingerprint"], row["status"], row["incident"]) == (key, "firing", incident)
