"""A service that stops in order leaves an anchor over what it stored last, long before the next one would be due."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from shared.audit import ANCHORS, verify_anchors
from shared.ids import SystemIds
from shared.mongo import MongoStore
from shared.store import JOURNAL
from shared.testing import make_envelope
from tests.house import RELAY_PROCESS, House
from tests.integration.probe_house import eventually

IDS = SystemIds()


def anchors(house: House) -> list[dict[str, Any]]:
    return sorted(house.rows("incident", ANCHORS), key=lambda row: int(row["number"]))


def open_incident(house: House) -> int:
    """Let one be opened; returns the last position in the journal then."""
    before = len(house.rows("incident", JOURNAL))
    key = IDS.new()
    data = {"dedup_key": key, "title": "No link", "severity": "error", "source": "monitor"}
    house.publish(make_envelope(id=key, data=data))

    def positioned() -> bool:
        rows = house.rows("incident", JOURNAL)
        return len(rows) > before and all(row["position"] for row in rows)

    eventually(positioned)
    return max(int(row["position"]) for row in house.rows("incident", JOURNAL))


def test_an_orderly_stop_writes_the_last_anchor_and_tells_it_to_the_log(make_house: Callable[..., House]) -> None:
    house = make_house(services=["incident"], environment={"DESKWIRE_ANCHOR_SECONDS": "86400"})
    house.start(["incident", RELAY_PROCESS])
    open_incident(house)
    # The first one is written as soon as there is something, and the next is a day away.
    eventually(lambda: len(anchors(house)) == 1)
    last = open_incident(house)

    child = house.processes["incident"]
    child.ask_to_stop()
    eventually(lambda: not child.alive)

    assert child.exit_code == 0
    first, final = anchors(house)
    assert first["position"] < final["position"] == last
    with house.client() as client:
        assert list(verify_anchors(MongoStore(client[f"{house.prefix}incident"]))) == []
    lines = [json.loads(line) for line in child.log.read_text().splitlines() if line.startswith("{")]
    told = {line["number"]: line["digest"] for line in lines if line["event"] == "audit anchor"}
    assert told == {1: first["digest"], 2: final["digest"]}
