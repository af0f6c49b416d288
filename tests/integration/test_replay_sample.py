"""The mapping of a real log: what its events say must equal what its rows say. Skipped without the log."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deskwire.replay import rows
from deskwire.replay.formats import Row, volvo

NAME = "volvo-it-incidents.sample.csv.gz"
FOLDER = Path(os.environ.get("DESKWIRE_SAMPLE_DATA") or Path(__file__).parents[2].parent / "shared" / "data")

pytestmark = pytest.mark.skipif(
    not (FOLDER / NAME).is_file(), reason=f"{NAME} is not there: set DESKWIRE_SAMPLE_DATA to its folder"
)


def summary(log: Iterable[Row]) -> dict[str, Any]:
    """The true figures, straight from the rows."""
    cases: dict[str, list[Row]] = {}
    for row in log:
        cases.setdefault(row["sr_number"], []).append(row)
    paths = [[volvo.LEVELS[row["support_level"]] for row in case] for case in cases.values()]
    return {
        "incidents": len(cases),
        "last": Counter(case[-1]["sub_status"] for case in cases.values()),
        "level1_only": sum(set(path) == {1} for path in paths),
        "level_changes": sum(a != b for path in paths for a, b in pairwise(path)),
        "ping_pong": sum(_returns(path) for path in paths),
        "reopened": sum(
            any(a["status"] == "Completed" != b["status"] for a, b in pairwise(case)) for case in cases.values()
        ),
    }


def _returns(path: list[int]) -> bool:
    stays = [path[0], *(b for a, b in pairwise(path) if a != b)]
    return len(stays) > len(set(stays))


def told(log: Iterable[Row]) -> dict[str, Any]:
    """The same figures from nothing but the events."""
    paths: dict[str, list[int]] = {}
    ends: dict[str, str] = {}
    reopened: set[str] = set()
    for event in volvo.events(log):
        case, data = event.data["external_ref"], event.data
        if event.type == "ticket.submitted":
            paths[case] = [data["level"]]
        elif data["action"] in ("escalate", "hand_back"):
            paths[case].append(data["level"])
        elif data["action"] in ("resolve", "close"):
            code = {"resolved": "Resolved", "in_call": "In Call"}[data["args"]["code"]]
            ends[case] = "Closed" if data["action"] == "close" else code
        elif data["action"] == "reopen":
            reopened.add(case)
    return {
        "incidents": len(paths),
        "last": Counter(ends.values()),
        "level1_only": sum(path == [1] for path in paths.values()),
        "level_changes": sum(len(path) - 1 for path in paths.values()),
        "ping_pong": sum(_returns(path) for path in paths.values()),
        "reopened": len(reopened),
    }


def test_the_events_say_what_the_rows_say() -> None:
    assert told(rows.read(FOLDER / NAME)) == summary(rows.read(FOLDER / NAME))


def test_the_figures_of_the_log_are_the_known_ones() -> None:
    assert summary(rows.read(FOLDER / NAME)) == {
        "incidents": 2000,
        "last": {"Closed": 1488, "In Call": 485, "Resolved": 27},
        "level1_only": 1207,
        "level_changes": 1318,
        "ping_pong": 287,
        "reopened": 144,
    }
