"""The mapping of a real log: what its events say must equal what its rows say. Skipped without the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from deskwire.replay import rows
from deskwire.replay.formats import Row, volvo
from tests.history import SAMPLE, needs_sample, returns, summary

pytestmark = needs_sample


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
        "ping_pong": sum(returns(path) for path in paths.values()),
        "reopened": len(reopened),
    }


def test_the_events_say_what_the_rows_say() -> None:
    assert told(rows.read(SAMPLE)) == summary(rows.read(SAMPLE))


def test_the_figures_of_the_log_are_the_known_ones() -> None:
    assert summary(rows.read(SAMPLE)) == {
        "incidents": 2000,
        "last": {"Closed": 1488, "In Call": 485, "Resolved": 27},
        "level1_only": 1207,
        "level_changes": 1318,
        "ping_pong": 287,
        "reopened": 144,
    }
