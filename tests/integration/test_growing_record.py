"""One record that a sender lengthens as fast as it can: each action is taken, and the database goes on answering."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.broker import Broker
from deploy.local.database import Database
from shared.clock import SystemClock
from shared.ids import SystemIds
from shared.testing import make_envelope
from tests.house import House
from tests.integration.probe_house import eventually

ACTIONS = 1_000


@pytest.fixture
def house(broker: Broker, tmp_path: Path) -> Iterator[House]:
    """A house on a database with little cache, which large transactions would fill."""
    database = Database(tmp_path / "database", cache="128M")
    database.start()
    one = House(broker, database, tmp_path / "house", services=["incident"])
    one.declare()
    yield one
    one.stop()
    database.stop()


def handled(house: House, outcome: str) -> float:
    return house.metric("incident", "itsm_events_handled_total", event="ticket.action", outcome=outcome)


def test_a_thousand_links_of_one_ticket_are_taken_and_a_number_that_is_none_is_refused(house: House) -> None:
    ids, now = SystemIds(), SystemClock().now()
    house.start(["incident"])
    house.publish(
        make_envelope(id=ids.new(), time=now, type="ticket.submitted", data={"external_ref": "E", "title": "T"})
    )
    eventually(lambda: len(house.rows("incident", "incidents")) == 1, 15)
    for width, count in ((64, ACTIONS), (240, 1)):
        args = [{"kind": "change", "number": f"{number:0{width}}"} for number in range(count)]
        data = [{"external_ref": "E", "action": "link", "args": one} for one in args]
        house.publish(*[make_envelope(id=ids.new(), time=now, type="ticket.action", data=one) for one in data])
    eventually(lambda: (handled(house, "handled"), handled(house, "dead")) == (ACTIONS, 1), 60)
    (record,) = house.rows("incident", "incidents")
    assert record["links_total"] == len(house.rows("incident", "links")) == ACTIONS
    assert house.get("incident", "/readyz")[0] == 200
