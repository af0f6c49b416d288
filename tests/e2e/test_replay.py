"""Another desk's history is brought over by `deskwire replay`: the figures are the services' own, and come once."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.folders import ROOT
from shared.clock import format_instant
from tests.e2e.machine import free_row
from tests.house import House

SAMPLE = "volvo-it-incidents.sample.csv.gz"
FOLDER = Path(os.environ.get("DESKWIRE_SAMPLE_DATA") or ROOT.parent / "shared" / "data")
COLUMNS = (
    *("sr_number", "changed_at", "status", "sub_status", "function_division", "org_line", "support_team"),
    *("support_level", "impact", "product", "country", "owner_country", "owner"),
)

pytestmark = pytest.mark.timeout(600)

Rows = Sequence[tuple[str, str]]
IN_CALL: Rows = (("L1", "Accepted/In Progress"), ("L1", "Completed/In Call"))
HANDED_OVER: Rows = (
    *(("L1", "Accepted/In Progress"), ("L2", "Queued/Awaiting Assignment"), ("L2", "Accepted/Assigned")),
    *(("L2", "Accepted/Wait - User"), ("L2", "Completed/Resolved"), ("L2", "Completed/Closed")),
)
PING_PONG: Rows = (
    *(("L1", "Queued/Awaiting Assignment"), ("L2/L3", "Accepted/In Progress"), ("L1", "Accepted/In Progress")),
    *(("L1", "Completed/Resolved"), ("L1", "Completed/Closed")),
)
REOPENED: Rows = (
    *(("L1", "Accepted/In Progress"), ("L1", "Completed/Resolved"), ("L1", "Accepted/In Progress")),
    ("L1", "Completed/Closed"),
)
EXPERTS: Rows = (("L3", "Accepted/In Progress"), ("L3", "Accepted/Wait - Vendor"), ("L3", "Completed/Resolved"))
CASES = (*(IN_CALL,) * 8, *(HANDED_OVER,) * 5, *(PING_PONG,) * 3, *(REOPENED,) * 2, *(EXPERTS,) * 2)


@pytest.fixture(scope="module")
def house(start_house: Callable[..., House]) -> House:
    return start_house()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Twenty cases in the form of the real log, an hour between the rows of a case."""
    file = tmp_path / "history.csv"
    rows = [row for number, path in enumerate(CASES) for row in make_rows(f"1-{700_000_000 + number}", path)]
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: row["changed_at"]))
    return file


def make_rows(case: str, path: Rows, **overrides: str) -> list[dict[str, str]]:
    began = datetime(2012, 5, 7, 8, tzinfo=UTC)
    plain = dict.fromkeys(COLUMNS, "")
    return [
        {
            **plain,
            "sr_number": case,
            "changed_at": format_instant(began + timedelta(hours=hour)),
            "status": status.partition("/")[0],
            "sub_status": status.partition("/")[2],
            "support_team": f"team-{level}",
            "support_level": level,
            "impact": "Medium",
            "product": "PROD424",
            "owner": "Anne",
            **overrides,
        }
        for hour, (level, status) in enumerate(path)
    ]


def typed(house: House, *words: str) -> Any:
    """Type a command of the operator's; its answer as JSON."""
    environment = {
        **os.environ,
        "AMQP_URI": house.uri("operator"),
        "MONGODB_URI": house.database.uri,
        "DESKWIRE_DATABASE_PREFIX": house.prefix,
        "DESKWIRE_OPS_BASE": str(min(house.ports.values()) - 1),
        "DESKWIRE_VAR": str(house.folder / "var"),
    }
    argv = [sys.executable, "-m", "deskwire", *words, "--json"]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def replay(house: House, file: Path) -> dict[str, Any]:
    """Bring a history over; the report."""
    report: dict[str, Any] = typed(house, "replay", str(file), "--format", "volvo")
    print(f"\n{report['events']:,} events in {report['seconds']:.1f} s: {report['events_per_second']:,.0f} a second")
    return report


def held(house: House) -> Any:
    """Everything the desk holds of its records, to be compared with itself later."""
    collections = {
        "incident": ("incidents", "audit", "journal"),
        "sla": ("clocks", "audit", "journal"),
        "notify": ("deliveries",),
        "problem": ("problems",),
    }
    return {
        (service, name): {row["_id"]: row.get("version") for row in house.rows(service, name)}
        for service, names in collections.items()
        for name in names
    }


def endings(house: House) -> Counter[tuple[str, str]]:
    return Counter((row["state"], row["resolution"]["code"]) for row in house.rows("incident", "incidents"))


def test_a_small_history_is_brought_over_and_a_second_time_changes_nothing(house: House, log: Path) -> None:
    report = replay(house, log)

    assert report["dead_letters"] == 0
    assert report["incident"] == {
        "incidents": 20,
        "level1_only": 10,
        "level_changes": 11,
        "ping_pong": 3,
        "reopened": 2,
        "by_state": {"closed": 10, "resolved": 10},
        "by_resolution_code": {"in_call": 8, "resolved": 12},
    }
    assert endings(house) == {("resolved", "in_call"): 8, ("resolved", "resolved"): 2, ("closed", "resolved"): 10}
    assert ended_clocks(report) == {"response": 20, "resolution": 20}
    assert verified(house) == (40, [])
    before = held(house)
    assert not before["notify", "deliveries"]
    assert {row["opened_at"].year for row in house.rows("incident", "incidents")} == {2012}

    again = replay(house, log)
    assert {name: again[name] for name in ("incident", "sla", "dead_letters")} == {
        name: report[name] for name in ("incident", "sla", "dead_letters")
    }
    assert held(house) == before


@pytest.mark.skipif(
    not (FOLDER / SAMPLE).is_file(), reason=f"{SAMPLE} is not there: set DESKWIRE_SAMPLE_DATA to its folder"
)
def test_two_years_of_a_real_desk_are_brought_over_to_the_last_figure(start_house: Callable[..., House]) -> None:
    house = start_house()
    report = replay(house, FOLDER / SAMPLE)

    assert report["dead_letters"] == 0
    figures = ("incidents", "level1_only", "level_changes", "ping_pong", "reopened")
    assert [report["incident"][name] for name in figures] == [2000, 1207, 1318, 287, 144]
    ends = endings(house)
    assert report["incident"]["by_state"] == {"closed": 1488, "resolved": 512}
    assert (ends["resolved", "in_call"], ends["resolved", "resolved"]) == (485, 27)
    assert ended_clocks(report) == {"response": 2000, "resolution": 2000}
    assert verified(house) == (4000, [])
    before = held(house)

    again = replay(house, FOLDER / SAMPLE)
    assert (again["incident"], again["sla"], again["dead_letters"]) == (report["incident"], report["sla"], 0)
    assert held(house) == before


def verified(house: House) -> tuple[int, Any]:
    """How many clocks were recomputed from their history, and which are stored otherwise."""
    found = typed(house, "sla", "verify")
    assert found["unproven"] == 0
    return found["checked"], found["differences"]


def ended_clocks(report: dict[str, Any]) -> dict[str, int]:
    """Clocks that were met or breached, of each kind."""
    ended: Counter[str] = Counter()
    for clocks in report["sla"]["priorities"].values():
        for kind, numbers in clocks.items():
            ended[kind] += numbers["met"] + numbers["breached"]
    return dict(ended)


def test_a_file_that_is_no_history_is_refused_and_nothing_is_published(house: House, tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text("sr_number,changed_at\n1,yesterday\n")
    before = held(house)
    argv = [sys.executable, "-m", "deskwire", "replay", str(file), "--format", "volvo"]
    environment = {**os.environ, "AMQP_URI": house.uri("operator"), "DESKWIRE_OPS_BASE": str(free_row(20))}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 5
    assert done.stderr.startswith("row 1 ")
    assert held(house) == before
