"""Figures for the metrics: how much is open, and how much of other desks' history waits."""

from __future__ import annotations

from services.incident.domain.record import HIGHEST_LEVEL, LOWEST_LEVEL, UNFINISHED, Priority
from services.incident.handlers.questions import INCIDENTS
from services.incident.handlers.references import WAITING_ACTIONS
from shared.unit_of_work import Work

COUNTED = 10_000
"""Rows read at most for one figure."""


def count_open(work: Work) -> dict[tuple[str, int], int]:
    """Unfinished records by priority and level, at most 10,000 each; what has none is zero."""
    states = [state.value for state in UNFINISHED]
    counts = {}
    for priority in Priority:
        for level in range(LOWEST_LEVEL, HIGHEST_LEVEL + 1):
            where = {"state": states, "priority": priority.value, "level": level}
            counts[priority.value, level] = len(work.store.find(INCIDENTS, where, limit=COUNTED))
    return counts


def count_waiting(work: Work) -> int:
    """Actions of foreign desks that wait for one that has not come, at most 10,000."""
    return len(work.store.find(WAITING_ACTIONS, {}, limit=COUNTED))
