"""Pauses and reopening, as other desks got them wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.sla.storage import CLOCKS, DUE
from tests.unit.sla.factories import (
    HOUR,
    MONDAY,
    SlaInMemory,
    agreed,
    make_agreements,
    make_calendar,
    make_event,
    make_policy,
    make_rule,
)

RESOLUTION = "INC0000001:resolution"
WAITING = {"state": "waiting", "waiting_reason": "user"}
WORKING = {"state": "in_progress"}
SOLVED = {"state": "resolved"}
FRIDAY = datetime(2026, 3, 6, 15, tzinfo=UTC)


def make_desk(*steps: tuple[float, dict[str, Any]], sla: SlaInMemory | None = None, start: datetime = MONDAY) -> Any:
    """An incident with these changes, each at so many hours after its opening; four hours to resolve."""
    sla = sla or SlaInMemory()
    sla.take(make_event(1, start))
    for version, (hours, data) in enumerate(steps, start=2):
        sla.take(make_event(version, start + hours * HOUR, data=data))
    return sla


def make_office() -> SlaInMemory:
    """Monday to Friday from 9 to 17; eight hours to resolve."""
    policy = make_policy(calendar="office", response=8 * HOUR, resolution=8 * HOUR, thresholds=())
    return SlaInMemory(agreed(make_rule(policy), calendars={"office": make_calendar("09:00-17:00", days=5)}))


def clock(sla: SlaInMemory) -> dict[str, Any]:
    return sla.rows(CLOCKS)[RESOLUTION]


def test_a_change_of_priority_after_a_pause_keeps_the_pause() -> None:
    """https://github.com/glpi-project/glpi/issues/15605, fixed by https://github.com/glpi-project/glpi/pull/16383"""
    high = SlaInMemory(make_agreements({"P2": make_policy(name="high", resolution=3 * HOUR)}))
    sla = make_desk((1, WAITING), (21, WORKING), (21.5, {**WORKING, "priority": "P2"}), sla=high)
    assert (clock(sla)["state"], clock(sla)["due_at"]) == ("running", MONDAY + 23 * HOUR)


def test_a_change_of_priority_during_a_pause_keeps_the_pause() -> None:
    """https://github.com/glpi-project/glpi/issues/6902"""
    high = SlaInMemory(make_agreements({"P2": make_policy(name="high", resolution=3 * HOUR)}))
    sla = make_desk((1, WAITING), (5, {**WAITING, "priority": "P2"}), (21, {**WORKING, "priority": "P2"}), sla=high)
    assert (clock(sla)["state"], clock(sla)["due_at"]) == ("running", MONDAY + 23 * HOUR)


def test_a_clock_that_stands_is_neither_breached_nor_told_to_be() -> None:
    """https://github.com/glpi-project/glpi/issues/24481 and https://github.com/glpi-project/glpi/issues/7946"""
    sla = make_desk((1, WAITING))
    sla.tick(MONDAY + 500 * HOUR)
    assert [name for name, _ in sla.told()] == ["started", "paused"]
    assert (clock(sla)["state"], RESOLUTION in sla.rows(DUE)) == ("paused", False)


def test_a_pause_over_a_weekend_gives_back_no_more_than_its_open_time() -> None:
    """https://github.com/glpi-project/glpi/issues/10594 and https://github.com/glpi-project/glpi/pull/14937"""
    sla = make_desk((1, WAITING), (67, WORKING), sla=make_office(), start=FRIDAY)
    assert clock(sla)["due_at"] == datetime(2026, 3, 9, 17, tzinfo=UTC)


def test_a_pause_outside_hours_moves_nothing() -> None:
    """https://github.com/frappe/helpdesk/pull/2449: the time on hold had been added to the time of creation."""
    paused = make_desk((19, WAITING), (43, WORKING), sla=make_office(), start=FRIDAY)
    assert clock(paused)["due_at"] == clock(make_desk(sla=make_office(), start=FRIDAY))["due_at"]


def test_what_is_solved_while_it_waits_does_not_count_the_wait() -> None:
    """https://github.com/frappe/helpdesk/pull/3776: a ticket on hold for half a year took 42 days to resolve."""
    sla = make_desk((1, WAITING), (4000, SOLVED))
    assert (clock(sla)["state"], clock(sla)["elapsed_seconds"]) == ("met", 3600.0)


def test_due_instants_follow_each_pause() -> None:
    """https://github.com/frappe/helpdesk/issues/1675"""
    sla = make_desk((1, WAITING))
    assert clock(sla)["due_at"] is None
    sla.take(make_event(3, MONDAY + 10 * HOUR, data=WORKING))
    assert (clock(sla)["due_at"], sla.rows(DUE)[RESOLUTION]["at"]) == (MONDAY + 13 * HOUR, MONDAY + 11 * HOUR)


def test_an_incident_that_goes_back_to_new_after_a_wait_keeps_the_pause() -> None:
    """https://github.com/glpi-project/glpi/issues/14148: the target had gone at once when the status became new."""
    sla = make_desk((1, WAITING), (50, {"state": "new"}))
    assert (clock(sla)["state"], clock(sla)["due_at"]) == ("running", MONDAY + 53 * HOUR)


def test_pauses_count_in_every_state_that_the_policy_names_and_in_no_other() -> None:
    """https://github.com/osTicket/osTicket/issues/3034: no status could pause."""
    sla = make_desk((1, {"state": "waiting", "waiting_reason": "vendor"}))
    assert (clock(sla)["state"], clock(sla)["due_at"]) == ("running", MONDAY + 4 * HOUR)


def test_the_time_between_a_solution_and_the_reopening_counts_as_nothing() -> None:
    """https://github.com/glpi-project/glpi/issues/23359 and https://github.com/zammad/zammad/issues/188"""
    sla = make_desk((1, SOLVED), (100, WORKING), (101, SOLVED), (200, WORKING), (201, SOLVED))
    assert (clock(sla)["state"], clock(sla)["elapsed_seconds"]) == ("met", 3 * 3600.0)


def test_what_is_reopened_after_its_old_due_instant_is_not_late_at_once() -> None:
    """https://github.com/osTicket/osTicket/issues/5955 and https://github.com/osTicket/osTicket/pull/5206"""
    sla = make_desk((1, SOLVED), (100, WORKING))
    sla.tick(MONDAY + 101 * HOUR)
    assert (clock(sla)["state"], clock(sla)["due_at"]) == ("running", MONDAY + 103 * HOUR)


def test_figures_are_there_from_the_first_close_on() -> None:
    """https://github.com/zammad/zammad/issues/2579 and https://github.com/zammad/zammad/issues/4777"""
    first = make_desk((2, SOLVED))
    assert (clock(first)["elapsed_seconds"], clock(first)["stopped_at"]) == (7200.0, MONDAY + 2 * HOUR)
    first.take(make_event(3, MONDAY + 2 * HOUR + timedelta(seconds=9), data={"state": "closed"}))
    assert clock(first)["elapsed_seconds"] == 7200.0
