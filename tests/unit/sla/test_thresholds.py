"""Thresholds before, at and after the target, and what they ask for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.domain.actions import ACTIONS, Action
from services.sla.domain.mark import Mark, Side
from services.sla.domain.policy import Kind, OnReopen
from shared.envelope import Envelope
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    agreed,
    make_calendar,
    make_event,
    make_policy,
    make_rule,
    make_threshold,
)

ACCEPTED = {"state": "in_progress", "accepted_at": "2026-03-02T09:05:00.000Z"}
WAITING = {**ACCEPTED, "state": "waiting", "waiting_reason": "user"}
SOLVED = {**ACCEPTED, "state": "resolved"}
NAMES = ["50%", "-30m", "100%", "+1h", "150%"]
POLICY = make_policy(
    thresholds=(
        make_threshold(50, Action.NOTIFY),
        make_threshold(-30 * MINUTE, Action.ESCALATE_LEVEL, Action.RAISE_PRIORITY, clocks=[Kind.RESOLUTION]),
        make_threshold(100, Action.ESCALATE_MANAGER),
        make_threshold(HOUR, Action.REASSIGN_ON_CALL, clocks=[Kind.RESOLUTION]),
        make_threshold(150, Action.NOTIFY, clocks=[Kind.RESOLUTION]),
    )
)


def make_desk(**changes: Any) -> SlaInMemory:
    """An incident that was accepted at once: at 11:00 half of its time is gone, it is due at 13:00."""
    sla = SlaInMemory(agreed(make_rule(make_policy(**{"thresholds": POLICY.thresholds, **changes}))))
    sla.take(make_event(), make_event(2, MONDAY + 5 * MINUTE, data=ACCEPTED))
    return sla


def thresholds(sla: SlaInMemory) -> list[Envelope]:
    return [event for event in sla.published() if "threshold" in event.data["change"]]


def told(sla: SlaInMemory) -> list[tuple[str, str, float]]:
    """Type, threshold and hours since the start, of the resolution clock."""
    return [
        (event.type.removeprefix("sla."), event.data["change"]["threshold"], (event.time - MONDAY) / HOUR)
        for event in thresholds(sla)
    ]


def asked(sla: SlaInMemory) -> list[tuple[str, str]]:
    """Threshold and action, of all that was asked for."""
    return [
        (event.data["change"]["threshold"], one["action"])
        for event in thresholds(sla)
        for one in event.data["change"]["actions"]
    ]


def tick_through(sla: SlaInMemory, hours: int) -> None:
    """A tick shortly after every quarter of an hour."""
    for quarter in range(1, hours * 4 + 1):
        sla.tick(MONDAY + quarter * HOUR / 4 + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("mark", "name", "side", "hours"),
    [
        (Mark(percent=75), "75%", Side.BEFORE, 3),
        (Mark(), "100%", Side.TARGET, 4),
        (Mark(percent=125), "125%", Side.AFTER, 5),
        (Mark(offset_seconds=-5400), "-1h30m", Side.BEFORE, 2.5),
        (Mark(offset_seconds=7200), "+2h", Side.AFTER, 6),
        (Mark(offset_seconds=45), "+45s", Side.AFTER, 4.0125),
    ],
)
def test_a_threshold_lies_at_a_part_of_the_target_or_beside_it(mark: Mark, name: str, side: Side, hours: float) -> None:
    assert (mark.name, mark.side, mark.amount(4 * HOUR)) == (name, side, hours * HOUR)


def test_a_clock_passes_its_thresholds_in_order_before_at_and_after_the_target() -> None:
    sla = make_desk()
    tick_through(sla, 8)
    assert told(sla) == [
        ("warned", "50%", 2),
        ("warned", "-30m", 3.5),
        ("breached", "100%", 4),
        ("passed", "+1h", 5),
        ("passed", "150%", 6),
    ]
    assert sla.rows("due") == {}


def test_each_threshold_asks_for_its_actions_once_and_nothing_is_said_to_be_taken() -> None:
    sla = make_desk()
    tick_through(sla, 8)
    assert asked(sla) == [
        ("50%", "notify"),
        ("-30m", "escalate_level"),
        ("-30m", "raise_priority"),
        ("100%", "escalate_manager"),
        ("+1h", "reassign_on_call"),
        ("150%", "notify"),
    ]
    kept = sla.published()[-1].data["actions"]
    assert [(one["threshold"], one["action"]) for one in kept] == asked(sla)
    assert not any(one["taken"] for one in kept)
    assert kept[1] == {
        "threshold": "-30m",
        "action": "escalate_level",
        "at": "2026-03-02T12:30:00.000Z",
        "taken": False,
    }


def test_a_policy_may_give_a_threshold_to_one_kind_of_clock() -> None:
    assert [mark.name for mark in POLICY.marks(Kind.RESPONSE)] == ["50%", "100%"]
    assert [mark.name for mark in POLICY.marks(Kind.RESOLUTION)] == NAMES


def test_offsets_are_open_time_as_targets_are() -> None:
    office = make_calendar("09:00-12:00", name="office")
    policy = make_policy(calendar="office", resolution=2 * HOUR, thresholds=(-90 * MINUTE, 2 * HOUR))
    sla = SlaInMemory(agreed(make_rule(policy), calendars={"office": office}))
    sla.take(make_event(), make_event(2, MONDAY + 5 * MINUTE, data=ACCEPTED))
    sla.tick(MONDAY + 48 * HOUR)
    assert told(sla) == [("warned", "-1h30m", 0.5), ("breached", "100%", 2), ("passed", "+2h", 25)]


def test_after_an_outage_the_last_threshold_passed_acts_and_those_it_overtook_do_not() -> None:
    sla = make_desk()
    sla.tick(MONDAY + 5.5 * HOUR)
    assert [name for _, name, _ in told(sla)] == ["50%", "-30m", "100%", "+1h"]
    assert asked(sla) == [("+1h", "reassign_on_call")]
    changes = [event.data["change"] for event in thresholds(sla)]
    assert [one["late_seconds"] / 3600 for one in changes] == [3.5, 2, 1.5, 0.5]
    assert changes[1]["lapsed"] == {
        "actions": ["escalate_level", "raise_priority"],
        "why": "later-threshold-passed",
    }
    assert changes[3]["lapsed"] is None


@pytest.mark.parametrize("after", [SOLVED, WAITING, {**ACCEPTED, "state": "cancelled"}])
def test_a_clock_that_does_not_run_any_more_asks_for_nothing_though_its_threshold_is_told(after: Any) -> None:
    sla = make_desk()
    sla.clock.advance(3 * HOUR)
    sla.take(make_event(3, MONDAY + 2.5 * HOUR, data=after))
    assert [name for _, name, _ in told(sla)] == ["50%"]
    assert asked(sla) == []
    change = thresholds(sla)[0].data["change"]
    assert change["lapsed"] == {"actions": ["notify"], "why": "clock-does-not-run"}


def test_a_threshold_that_an_event_found_passed_acts_while_the_clock_runs() -> None:
    sla = make_desk()
    sla.clock.advance(2.25 * HOUR)
    sla.take(make_event(3, MONDAY + 2.2 * HOUR, data=ACCEPTED))
    assert asked(sla) == [("50%", "notify")]
    assert sla.tick() == 0


def test_what_came_in_the_same_batch_decides_whether_a_threshold_still_acts() -> None:
    sla = make_desk()
    sla.clock.advance(3 * HOUR)
    noted = make_event(3, MONDAY + 2.2 * HOUR, data=ACCEPTED)
    sla.take(noted, make_event(4, MONDAY + 2.5 * HOUR, data=SOLVED))
    assert [name for _, name, _ in told(sla)] == ["50%"]
    assert asked(sla) == []


def test_history_that_is_brought_over_asks_for_nothing() -> None:
    sla = SlaInMemory(agreed(make_rule(POLICY)))
    sla.clock.advance(8 * HOUR)
    sla.take(make_event(backfill=True), make_event(2, MONDAY + 7 * HOUR, data=ACCEPTED, backfill=True))
    assert {name for _, name, _ in told(sla)} == {"100%"}
    assert asked(sla) == []
    assert thresholds(sla)[0].data["change"]["lapsed"]["why"] == "history"


def test_a_breach_that_was_put_right_and_came_true_later_does_not_act_twice() -> None:
    sla = make_desk()
    sla.tick(MONDAY + 4 * HOUR + MINUTE)
    sla.take(make_event(3, MONDAY + 3.75 * HOUR, data=WAITING), make_event(4, MONDAY + 5 * HOUR, data=ACCEPTED))
    sla.tick(MONDAY + 5.5 * HOUR)
    breaches = [event for event in thresholds(sla) if event.type == "sla.breached"]
    assert [event.time for event in breaches] == [MONDAY + 4 * HOUR, MONDAY + 5.25 * HOUR]
    assert [threshold for threshold, _ in asked(sla)].count("100%") == 1
    assert breaches[1].data["change"]["lapsed"]["why"] == "acted-before"


def test_a_clock_that_starts_anew_tells_and_asks_anew() -> None:
    sla = make_desk(on_reopen=OnReopen.RESTART)
    tick_through(sla, 3)
    sla.take(make_event(3, MONDAY + 3 * HOUR, data=SOLVED), make_event(4, MONDAY + 20 * HOUR, data=ACCEPTED))
    sla.tick(MONDAY + 22 * HOUR + MINUTE)
    assert told(sla) == [("warned", "50%", 2), ("warned", "50%", 22)]
    assert asked(sla) == [("50%", "notify")] * 2
    snapshot = sla.published()[-1].data
    assert (snapshot["started_at"], snapshot["due_at"]) == ("2026-03-03T05:00:00.000Z", "2026-03-03T09:00:00.000Z")


def test_a_breached_clock_that_stands_passes_nothing_until_it_runs_again() -> None:
    sla = make_desk()
    tick_through(sla, 4)
    sla.take(make_event(3, MONDAY + 4.5 * HOUR, data=WAITING))
    assert sla.rows("due") == {}
    sla.take(make_event(4, MONDAY + 14.5 * HOUR, data=ACCEPTED))
    assert sla.rows("due")["INC0000001:resolution"]["at"] == MONDAY + 15 * HOUR


def test_two_replicas_that_look_at_once_ask_once() -> None:
    first, second = make_desk(), SlaInMemory(agreed(make_rule(POLICY)))
    second.store = first.store
    second.unit_of_work.store = first.store
    for sla in (first, second):
        sla.lease = sla.hold(1)
        sla.tick(MONDAY + 2 * HOUR + MINUTE)
    assert asked(first) == [("50%", "notify")]


@given(st.lists(st.integers(0, 9 * 60), max_size=8))
@settings(max_examples=40, deadline=None)
def test_no_threshold_is_told_or_acts_twice_whenever_the_ticker_looks(minutes: list[int]) -> None:
    sla = make_desk()
    for minute in sorted(minutes):
        sla.tick(MONDAY + minute * MINUTE)
    sla.take(make_event(3, MONDAY + 9 * HOUR, data=SOLVED))
    assert [name for _, name, _ in told(sla)] == NAMES
    assert len(set(asked(sla))) == len(asked(sla))


def test_every_action_says_what_it_asks_for() -> None:
    assert ACTIONS.keys() == set(Action)


def test_the_page_on_service_levels_names_every_action_with_what_it_asks_for() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sla.md").read_text(encoding="utf-8")
    assert [one for one, words in ACTIONS.items() if f"| `{one.value}` | {words} |" not in page] == []
