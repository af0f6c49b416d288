"""What follows from one message goes through whole, however far the message had come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.clock import format_instant
from shared.envelope import MAX_HOPS
from shared.intake import HOUSE_HOPS, MAX_INTAKE_HOPS
from shared.retry import DeadLetter
from shared.testing import make_instant
from tests.unit.whole.house import WholeHouse


def make_alert(minute: int, *, hops: int, type: str = "alert.firing", key: str = "disk") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"a{minute}",
        "source": "/monitor",
        "type": type,
        "time": f"2026-03-02T08:{minute:02}:00Z",
        "hops": hops,
        "data": {"dedup_key": key, "title": "The disk is full", "severity": "critical", "service": "payroll"},
    }


def recurring(hops: int) -> WholeHouse:
    """A desk at which one alert came back so often that a problem took its incidents in, and clocks have run out."""
    house = WholeHouse()
    for minute in range(0, 12, 2):
        for offset, kind in enumerate(("alert.firing", "alert.resolved") if minute < 10 else ("alert.firing",)):
            said = make_alert(minute + offset, hops=hops, type=kind)
            at = make_instant() + minute * timedelta(hours=1) + timedelta(minutes=offset)
            assert house.post({**said, "time": format_instant(at)}) == []
        # Later than what counts as flapping.
        house.pass_time(timedelta(hours=2))
    house.pass_time(timedelta(days=2))
    return house


def told(house: WholeHouse) -> list[tuple[str, str | None, int]]:
    return [(event.type, event.subject, event.hops) for event in house.events]


@pytest.fixture(scope="module")
def from_the_edge() -> WholeHouse:
    return recurring(0)


def test_the_longest_chain_of_the_house_leaves_room(from_the_edge: WholeHouse) -> None:
    types = {event.type for event in from_the_edge.events}
    assert {"problem.proposed", "problem.linked", "incident.linked", "sla.breached", "notification.planned"} <= types
    longest = max(event.hops for event in from_the_edge.events)
    assert 3 <= longest <= HOUSE_HOPS
    assert MAX_INTAKE_HOPS + HOUSE_HOPS < MAX_HOPS


def test_a_message_at_the_limit_has_all_that_one_without_a_past_has(from_the_edge: WholeHouse) -> None:
    house = recurring(MAX_INTAKE_HOPS)
    assert house.dead == from_the_edge.dead == []
    known = [(event, subject, hops + MAX_INTAKE_HOPS) for event, subject, hops in told(from_the_edge)]
    ours = told(house)
    assert [(event, hops) for event, _, hops in ours] == [(event, hops) for event, _, hops in known]


@pytest.mark.parametrize("hops", [MAX_INTAKE_HOPS + 1, 32, 33, 2**53 - 1])
def test_a_message_past_the_limit_is_refused_before_anything_happens(hops: int) -> None:
    house = WholeHouse()
    verdicts = house.post(make_alert(1, hops=hops))
    assert set(verdicts) == {DeadLetter("hop-budget-exceeded")}
    assert house.events == []
