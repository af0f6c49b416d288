"""Dead letters that are full hold up only what belongs there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.broker import Broker
from deploy.local.database import Database
from shared.topology import DEAD
from tests.integration.probe_house import ProbeHouse, eventually, probe_house

PATIENCE = 40.0
QUEUE = "probe.dead"


@pytest.fixture
def house(broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbeHouse]:
    with probe_house(broker, database, tmp_path_factory.mktemp("full")) as house:
        yield house


def make_again(house: ProbeHouse, **changes: Any) -> None:
    """The queue of dead letters with other arguments, empty."""
    (queue,) = (queue for queue in house.topology.queues if queue.name == QUEUE)
    with house.channel() as channel:
        channel.queue_delete(QUEUE)
        channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments={**queue.arguments, **changes})
        channel.queue_bind(QUEUE, DEAD, QUEUE)


def test_full_dead_letters_are_told_and_do_not_stop_what_can_be_handled(house: ProbeHouse) -> None:
    make_again(house, **{"x-max-length": 1})
    house.start(["probe"])
    refused = house.tell(*["reject"] * 5)
    eventually(lambda: len(house.dead()) >= 1, PATIENCE)
    refused += house.tell(*["reject"] * 8)
    eventually(lambda: house.metric("probe", "itsm_messages_held") + len(house.dead()) == len(refused), PATIENCE)
    good = house.tell(*["ok"] * 30)
    eventually(lambda: {event.id for event in good} <= house.kept(), PATIENCE)
    status, said = house.get("probe", "/readyz")
    assert status == 503
    assert f"{QUEUE} is full" in said
    there = set(house.dead())
    make_again(house)
    eventually(lambda: house.metric("probe", "itsm_messages_held") == 0, PATIENCE)
    house.wait_quiet()
    assert set(house.dead()) == {event.id for event in refused} - there
