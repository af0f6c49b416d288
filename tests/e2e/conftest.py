"""A house that a whole module shares: starting one takes seconds, and journeys do not meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.local.broker import Broker
from deploy.local.database import Database
from deploy.local.stack import ops_ports
from tests.e2e.machine import free_row
from tests.house import House


@pytest.fixture(scope="module")
def start_house(
    broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., House]]:
    """Starts houses whose ops ports stand in a row, as `deskwire` expects those of a machine."""
    made: list[House] = []

    def start(**options: Any) -> House:
        house = House(broker, database, tmp_path_factory.mktemp("house"), **options)
        made.append(house)
        house.ports.update(ops_ports(house.services, free_row(20)))
        house.declare()
        house.start()
        return house

    yield start
    for house in made:
        house.stop()
