"""Events as large as a sender may make them, many at once: each is taken, and the database goes on answering."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.broker import Broker
from deploy.local.database import Database
from shared.ids import SystemIds
from shared.testing import make_envelope
from tests.house import House
from tests.integration.probe_house import eventually

EVENTS = 150
LABELS = {f"label {number}": "x" * 1000 for number in range(64)}
PROSE = "x" * 32_000


def taken(house: House) -> float:
    return house.metric("incident", "itsm_events_handled_total", event="alert.firing", outcome="handled")


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


def test_a_storm_of_large_events_is_taken_whole(house: House) -> None:
    ids = SystemIds()
    for _ in range(EVENTS):
        key = ids.new()
        data = {"dedup_key": key, "title": "No link", "severity": "error", "source": "monitor"}
        data |= {"labels": LABELS, "description": PROSE}
        house.publish(make_envelope(id=key, data=data))
    house.start(["incident"])
    eventually(lambda: taken(house) == EVENTS, 25)
    assert house.metric("incident", "itsm_dead_letters") == 0
