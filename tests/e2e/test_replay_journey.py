"""Another desk's history is brought over: the records tell what its rows told, and a second time nothing changes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.local.access import OPERATOR, SENDER
from deploy.local.folders import ROOT
from deploy.local.ports import free_port
from deploy.local.stack import OPS_ORDER
from deskwire.replay import rows
from deskwire.replay.formats import Row, volvo
from deskwire.replay.publish import publish
from shared.publisher import Publisher
from tests.history import SAMPLE, needs_sample, summary
from tests.house import House

SERVICES = ("incident", "sla", "notify", "problem")
SHORT = (
    ("1-1", "09:00", "Accepted", "In Progress", "L1"),
    ("1-1", "09:05", "Completed", "In Call", "L1"),
    ("1-2", "09:10", "Queued", "Awaiting Assignment", "L1"),
    ("1-2", "09:20", "Queued", "Awaiting Assignment", "L2"),
    ("1-2", "09:30", "Accepted", "In Progress", "L2/L3"),
    ("1-2", "09:40", "Accepted", "Wait - User", "L2"),
    ("1-2", "10:40", "Completed", "Resolved", "L2"),
    ("1-2", "11:00", "Accepted", "Assigned", "L1"),
    ("1-2", "11:10", "Completed", "Resolved", "L1"),
    ("1-2", "11:20", "Completed", "Closed", "L3"),
    ("1-3", "12:00", "Completed", "Resolved", "L1"),
    ("1-3", "12:10", "Unmatched", "Unmatched", "L1"),
    ("1-3", "12:20", "Completed", "Resolved", "L1"),
)


def make_log() -> list[Row]:
    fixed = {"function_division": "", "org_line": "Org line B", "support_team": "T1", "impact": "Medium", "owner": "bo"}
    names = ("sr_number", "changed_at", "status", "sub_status", "support_level")
    stamped = [(case, f"2012-05-02T{at}:00+01:00", *rest) for case, at, *rest in SHORT]
    return [{**fixed, "product": "PROD1", **dict(zip(names, row, strict=True))} for row in stamped]


def replay(house: House, log: Sequence[Row]) -> None:
    publisher = Publisher(house.uri(SENDER))
    try:
        publish(volvo.events(log), publisher)
    finally:
        publisher.close()
    house.wait_quiet(300, also=lambda: house.call("sla", "report")["gaps"] == 0)


def reported(house: House) -> dict[str, Any]:
    """The figures of the services' own records, by the names of `summary`."""
    report: dict[str, Any] = house.call("incident", "report")
    closed, codes = report["by_state"].get("closed", 0), report["by_resolution_code"]
    finished = house.rows("incident", "incidents", {"state": "resolved"})
    by_code = {code: sum(row["resolution"]["code"] == code for row in finished) for code in codes}
    last = {"Closed": closed, "In Call": by_code.get("in_call", 0), "Resolved": by_code.get("resolved", 0)}
    figures = ("incidents", "level1_only", "level_changes", "ping_pong", "reopened")
    return {**{name: report[name] for name in figures}, "last": {name: count for name, count in last.items() if count}}


def stored(house: House) -> dict[str, int]:
    return {
        f"{service}.{collection}": len(house.rows(service, collection))
        for service in SERVICES
        for collection in ("journal", "audit", "inbox")
    }


def bring_over_twice(house: House, log: Sequence[Row]) -> None:
    replay(house, log)
    assert reported(house) == summary(log)
    assert not [name for name, count in house.queue_lengths().items() if name.endswith(".dead") and count]
    once = stored(house)
    replay(house, log)
    assert stored(house) == once


def test_a_short_history_is_told_by_the_records_as_by_its_rows(make_house: Callable[..., House]) -> None:
    house = make_house(services=SERVICES)
    house.start()
    bring_over_twice(house, make_log())
    assert house.rows("notify", "deliveries") == []
    assert len(house.rows("sla", "clocks")) == 2 * 3


def test_the_command_says_what_became_of_a_history(make_house: Callable[..., House], tmp_path: Path) -> None:
    house = make_house(services=SERVICES)
    base = free_port()
    house.ports = {name: base + place for place, name in enumerate(OPS_ORDER)}
    house.start()
    log = make_log()
    with open(tmp_path / "log.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(log[0]))
        table.writeheader()
        table.writerows(log)
    environment = {
        **os.environ,
        "AMQP_URI": house.uri(OPERATOR),
        "DESKWIRE_OPS_BASE": str(base),
        # A stack that runs on this machine for its owner is not the one to ask.
        "DESKWIRE_VAR": str(tmp_path / "var"),
    }
    command = [sys.executable, "-m", "deskwire", "replay", str(tmp_path / "log.csv"), "--format", "volvo", "--json"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["events"], report["dead_letters"]) == (len(list(volvo.events(log))), 0)
    assert report["incident"] == house.call("incident", "report")
    assert report["sla"]["priorities"].keys() == {"P1", "P2", "P3", "P4"}


@needs_sample
@pytest.mark.timeout(600)
def test_a_real_history_is_told_by_the_records_as_by_its_rows(make_house: Callable[..., House]) -> None:
    house = make_house(services=SERVICES)
    house.start()
    bring_over_twice(house, list(rows.read(SAMPLE)))
