"""An alert travels from a foreign system through all services, under one correlation id."""

from __future__ import annotations

from collections.abc import Callable

from shared.clock import SystemClock
from shared.ids import SystemIds
from shared.testing import make_envelope
from tests.house import House

CRITICAL = {"dedup_key": "db1/disk", "title": "Disk full on db1", "severity": "critical", "source": "db1", "ci": "db1"}


def test_an_alert_becomes_an_incident_with_clocks_and_a_planned_delivery(make_house: Callable[..., House]) -> None:
    house = make_house()
    house.start()
    ids, now = SystemIds(), SystemClock().now()

    fired = make_envelope(id=ids.new(), type="alert.firing", time=now, data=CRITICAL)
    house.publish(fired)
    house.wait_quiet(also=lambda: bool(house.rows("sla", "clocks")) and bool(house.rows("notify", "deliveries")))

    (incident,) = house.rows("incident", "incidents")
    clocks = house.rows("sla", "clocks")
    deliveries = house.rows("notify", "deliveries")
    assert incident["title"] == "Disk full on db1"
    assert {clock["key"] for clock in clocks} == {f"{incident['key']}:response", f"{incident['key']}:resolution"}
    assert deliveries
    trails = {row["correlationid"] for name in ("incident", "sla", "notify") for row in house.rows(name, "audit")}
    assert trails == {fired.id}

    house.publish(make_envelope(id=ids.new(), type="alert.resolved", time=SystemClock().now(), data=CRITICAL))
    house.wait_quiet(also=lambda: house.rows("incident", "incidents")[0]["state"] == "resolved")

    assert house.call("incident", "get", incident["key"])["state"] == "resolved"
    house.wait_quiet(also=lambda: {clock["state"] for clock in house.rows("sla", "clocks")} == {"met"})
    assert not [name for name, count in house.queue_lengths().items() if name.endswith(".dead") and count]
