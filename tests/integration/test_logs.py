"""What a service's process writes to its log while it handles something: each line tells the trail it belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from deploy.local.access import OPERATOR
from deploy.local.broker import Broker
from deploy.local.database import Database
from shared.errors import DeskwireError
from shared.rpc import RpcClient
from tests.integration.probe_house import ProbeHouse, eventually, probe_house

OF_THE_PROCESS = {"started", "audit anchor", "stopping", "stopped"}
"""Lines of the process itself, which follow nothing that came in."""


@pytest.fixture(scope="module")
def house(broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbeHouse]:
    folder = tmp_path_factory.mktemp("logs")
    with probe_house(broker, database, folder, environment={"PYTHONWARNINGS": "ignore"}) as one:
        one.start(["probe"])
        yield one


def lines(house: ProbeHouse) -> list[dict[str, Any]]:
    """The lines about what came in; each line of the log is one JSON object."""
    written = [json.loads(line) for line in house.processes["probe"].log.read_text().splitlines()]
    return [line for line in written if line["event"] not in OF_THE_PROCESS]


def test_every_line_about_an_event_carries_its_correlation_id_and_its_own(house: ProbeHouse) -> None:
    trails = {act: f"trail-of-{act}" for act in ("say", "reject", "raise")}
    told = {}
    for act, trail in trails.items():
        # One after the other: of a batch the handler's lines carry the first one's trail.
        (told[act],) = house.tell(act, correlationid=trail)
        eventually(lambda event=told[act]: event.id in house.kept() | house.dead().keys())

    said = lines(house)

    assert {line.get("correlationid") for line in said} == set(trails.values())
    for act, event in told.items():
        mine = [line for line in said if line["correlationid"] == trails[act]]
        assert {line["id"] for line in mine} == {event.id}
    words = {line["event"] for line in said}
    assert words >= {"the probe says something", "a library says something", "will try again", "dead letter"}


def test_an_event_without_a_trail_begins_one(house: ProbeHouse) -> None:
    (event,) = house.tell("say")
    eventually(lambda: event.id in house.kept())
    assert {line["correlationid"] for line in lines(house) if line.get("id") == event.id} == {event.id}


def test_of_a_batch_each_line_about_one_event_carries_that_ones_trail(house: ProbeHouse) -> None:
    house.processes["probe"].stop(20)
    told = [house.tell("reject", correlationid=f"trail-{number}")[0] for number in range(5)]
    house.start(["probe"])
    eventually(lambda: {event.id for event in told} <= house.dead().keys())
    found = {line["id"]: line["correlationid"] for line in lines(house) if line["event"] == "dead letter"}
    assert {event.id: found[event.id] for event in told} == {event.id: event.correlationid for event in told}


def test_a_call_that_fails_is_told_with_its_callers_correlation_id(house: ProbeHouse) -> None:
    client = RpcClient(house.uri(OPERATOR), timeout=10)
    with closing(client), pytest.raises(DeskwireError, match="something went wrong"):
        client.call("probe", "crash", {"args": {}, "correlationid": "trail-of-a-call"})
    assert [line["correlationid"] for line in lines(house) if line["event"] == "a call failed"] == ["trail-of-a-call"]
