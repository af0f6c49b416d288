"""One broker node and one database for the run, of its own: those of AMQP_URI and MONGODB_URI are never touched."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from deploy.local.access import SENDER
from deploy.local.broker import Broker, BrokerFailed
from deploy.local.database import Database
from deploy.local.packages import ProgramMissing
from deploy.local.ports import free_port
from tests.house import House

for name in ("AMQP_URI", "MONGODB_URI"):
    os.environ.pop(name, None)

# `make nightly` asks for it; properties that have a dose of their own read it in their folder's dose.py.
settings.register_profile("nightly", max_examples=2_000, deadline=None)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    node = _started(tmp_path_factory)
    yield node
    node.stop()


def _started(tmp_path_factory: pytest.TempPathFactory, attempts: int = 3) -> Broker:
    """A node takes seconds to listen, and in them another process may be given a port that was free before."""
    node = Broker(tmp_path_factory.mktemp("broker"), management_port=free_port())
    try:
        node.start()
    except ProgramMissing as error:
        pytest.skip(str(error))
    except BrokerFailed:
        if attempts == 1:
            raise
        return _started(tmp_path_factory, attempts - 1)
    return node


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    server = Database(tmp_path_factory.mktemp("database"))
    try:
        server.start()
    except ProgramMissing as error:
        pytest.skip(str(error))
    yield server
    server.stop()


@pytest.fixture
def make_house(broker: Broker, database: Database, tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Makes houses with a virtual host declared; processes are started by the test."""
    made: list[House] = []

    def make(**options: Any) -> House:
        one = House(broker, database, tmp_path / f"house{len(made)}", **options)
        made.append(one)
        one.declare()
        return one

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def broker_uri(make_house: Callable[..., House]) -> str:
    """The address of a foreign sender on a broker with the topology declared."""
    return make_house().uri(SENDER)
