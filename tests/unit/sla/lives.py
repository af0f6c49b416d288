"""One incident's life, in events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.envelope import Envelope
from tests.unit.sla.factories import HOUR, MINUTE, MONDAY, make_event

ACCEPTED = {"state": "in_progress", "accepted_at": "2026-03-02T09:10:00.000Z"}
LIFE: tuple[tuple[timedelta, dict[str, Any]], ...] = (
    (0 * MINUTE, {}),
    (5 * MINUTE, {"team": "payroll", "level": 2, "state": "assigned"}),
    (10 * MINUTE, ACCEPTED),
    (30 * MINUTE, {**ACCEPTED, "state": "waiting", "waiting_reason": "user"}),
    (20 * HOUR, ACCEPTED),
    (21 * HOUR, {**ACCEPTED, "priority": "P1"}),
    (22 * HOUR, {**ACCEPTED, "priority": "P1", "state": "resolved"}),
    (23 * HOUR, {**ACCEPTED, "priority": "P1"}),
    (30 * HOUR, {**ACCEPTED, "priority": "P1", "state": "resolved"}),
)


def life(number: str = "INC0000001", **overrides: Any) -> list[Envelope]:
    """The events of one incident from opening to its second solution."""
    return [
        make_event(version, MONDAY + after, data={"number": number, **data}, **overrides)
        for version, (after, data) in enumerate(LIFE, start=1)
    ]
