"""Every event that sla publishes, made by its own handlers and compared with its golden sample."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.sla import events
from services.sla.domain.actions import Action
from shared.envelope import encode
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    make_agreements,
    make_event,
    make_policy,
    make_threshold,
)

SAMPLES = Path(__file__).parent / "samples"
TRAIL = "019c8d7a-6f40-7000-8000-00000000000"
ACCEPTED = {"state": "in_progress", "accepted_at": "2026-03-02T09:10:00.000Z"}
LIFE: tuple[tuple[Any, dict[str, Any]], ...] = (
    (0 * MINUTE, {}),
    (10 * MINUTE, ACCEPTED),
    (30 * MINUTE, {**ACCEPTED, "state": "waiting", "waiting_reason": "user"}),
    (90 * MINUTE, ACCEPTED),
)


THRESHOLDS = (
    make_threshold(50, Action.NOTIFY),
    make_threshold(100, Action.ESCALATE_MANAGER),
    make_threshold(HOUR, Action.REASSIGN_ON_CALL),
)


def lives() -> dict[str, bytes]:
    """Incidents whose clocks go through everything between them; the first event of each type."""
    sla = SlaInMemory(make_agreements({"P3": make_policy(thresholds=THRESHOLDS)}))
    for version, (after, data) in enumerate(LIFE, start=1):
        sla.take(event(version, MONDAY + after, data))
    for hours in (4, 6, 7):
        sla.tick(MONDAY + hours * HOUR)
    other = {"number": "INC0000002"}
    sla.take(event(1, MONDAY, other), event(2, MONDAY + MINUTE, {**other, "priority": "P2"}))
    sla.take(event(3, MONDAY + 2 * MINUTE, {**other, "state": "cancelled", "priority": "P2"}))
    asked = {"number": "INC0000003", "requester": {"id": "rita"}}
    sla.take(event(1, MONDAY + 8 * HOUR, asked))
    sla.take(event(2, MONDAY + 9 * HOUR, {**asked, "state": "waiting", "waiting_reason": "user"}))
    sla.take(event(5, MONDAY + 10 * HOUR, {**ACCEPTED, "state": "resolved"}))
    samples: dict[str, bytes] = {}
    for published in sla.published():
        body = orjson.dumps(orjson.loads(encode(published)), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        samples.setdefault(published.type, body)
    return samples


def event(version: int, at: Any, data: dict[str, Any]) -> Any:
    number = data.get("number", "INC0000001")
    return make_event(version, at, data=data, id=f"{TRAIL}{version}-{number}", correlationid=f"{TRAIL}1")


def test_every_published_type_is_shown() -> None:
    assert lives().keys() == events.PUBLISHES.keys()


@pytest.mark.parametrize("event_type", sorted(events.PUBLISHES))
def test_the_event_equals_its_golden_sample(event_type: str) -> None:
    path = SAMPLES / f"{event_type}.json"
    body = lives()[event_type]
    if os.environ.get("DESKWIRE_WRITE_SAMPLES") == "1":
        path.write_bytes(body)
    assert path.read_bytes().decode() == body.decode()
