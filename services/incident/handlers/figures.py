"""Figures: how much is open, how much of other desks' history waits, and how the work went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from services.incident.domain.record import HIGHEST_LEVEL, LOWEST_LEVEL, UNFINISHED, Priority
from services.incident.handlers.questions import INCIDENTS
from services.incident.handlers.references import WAITING_ACTIONS
from shared.command import Command
from shared.store import Document
from shared.unit_of_work import Work


def count_open(work: Work) -> dict[tuple[str, int], int]:
    """Unfinished records by priority and level; what has none is zero."""
    return {
        (priority.value, level): sum(
            work.store.count(INCIDENTS, {"state": state.value, "priority": priority.value, "level": level})
            for state in UNFINISHED
        )
        for priority in Priority
        for level in range(LOWEST_LEVEL, HIGHEST_LEVEL + 1)
    }


def count_waiting(work: Work) -> int:
    """Actions of foreign desks that wait for one that has not come, or waited and were refused."""
    return work.store.count(WAITING_ACTIONS, {})


def report(work: Work, _: Command, _args: object) -> Document:
    """How the work went, from all records: states, resolutions, and how they moved between levels.

    `level1_only` counts records that never left level 1; `ping_pong` those that came back to a level they had left.
    """
    states: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    for row in _records(work):
        states[row["state"]] += 1
        if row["resolution"] is not None:
            codes[row["resolution"]["code"]] += 1
        figures["incidents"] += 1
        figures["level1_only"] += row["handovers"] == 0 and row["level"] == LOWEST_LEVEL
        figures["level_changes"] += row["handovers"]
        figures["ping_pong"] += row["returns"] > 0
        figures["reopened"] += row["reopened"] > 0
    return {
        **{name: figures[name] for name in ("incidents", "level1_only", "level_changes", "ping_pong", "reopened")},
        "by_state": dict(sorted(states.items())),
        "by_resolution_code": dict(sorted(codes.items())),
    }


def _records(work: Work) -> Iterator[Document]:
    """All records in windows of their numbers, so that no query reads more than a thousand."""
    for prefix in ("INC", "REQ"):
        after, end = prefix, f"{prefix}~"
        while rows := work.store.find(INCIDENTS, {}, sort="key", after=after, until=end, limit=1000):
            yield from rows
            after = rows[-1]["key"]
