"""Another desk's history is brought over by `deskwire replay`: the figures are the services' own, and come once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.local.folders import ROOT
from tests.e2e.history import CASES, FOLDER, NIGHTLY, SAMPLE, make_rows, replay, verified, write_log
from tests.e2e.machine import free_row
from tests.house import House

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def house(start_house: Callable[..., House]) -> House:
    return start_house()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Twenty cases in the form of the real log, an hour between the rows of a case."""
    rows = [row for number, path in enumerate(CASES) for row in make_rows(f"1-{700_000_000 + number}", path)]
    return write_log(tmp_path / "history.csv", rows)


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
    not NIGHTLY and "DESKWIRE_SAMPLE_DATA" not in os.environ,
    reason="takes minutes: `make nightly` runs it, and whoever sets DESKWIRE_SAMPLE_DATA",
)
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
    if NIGHTLY:
        before = held(house)
        again = replay(house, FOLDER / SAMPLE)
        assert (again["incident"], again["sla"], again["dead_letters"]) == (report["incident"], report["sla"], 0)
        assert held(house) == before


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
