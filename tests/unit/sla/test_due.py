from __future__ import annotations

from datetime import timedelta

import pytest

from services.sla.storage import CASES, CLOCKS, DUE
from shared.envelope import Envelope
from shared.errors import Conflict
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    make_agreements,
    make_event,
    make_policy,
    make_restricted,
)
from tests.unit.sla.test_verify import verify

ACCEPTED = {"state": "in_progress", "accepted_at": "2026-03-02T09:05:00.000Z"}
WAITING = {**ACCEPTED, "state": "waiting", "waiting_reason": "user"}
SECOND = timedelta(seconds=1)


def make_answered() -> SlaInMemory:
    """An incident whose response clock is met; its resolution is due at 13:00, half of it is gone at 11:00."""
    sla = SlaInMemory()
    sla.take(make_event(), make_event(2, MONDAY + 5 * MINUTE, data=ACCEPTED))
    return sla


def test_nothing_is_done_before_it_is_due() -> None:
    sla = make_answered()
    assert sla.tick(MONDAY + 2 * HOUR) == 0
    assert [name for name, _ in sla.told()] == ["started"]


def test_a_warning_is_told_once_with_its_due_instant_and_how_late_it_was() -> None:
    sla = make_answered()
    assert sla.tick(MONDAY + 2 * HOUR + SECOND) == 1
    assert sla.tick(MONDAY + 2 * HOUR + 2 * SECOND) == 0
    assert sla.told()[-1] == ("warned", MONDAY + 2 * HOUR)
    assert sla.lateness == [1.0]
    change = sla.published()[-1].data["change"]
    assert (change["threshold"], change["percent"], change["at"]) == ("50%", 50, "2026-03-02T11:00:00.000Z")
    assert (change["late_seconds"], change["actions"], change["lapsed"]) == (1.0, [], None)


def test_a_ticker_that_was_away_tells_everything_with_the_true_instants() -> None:
    sla = make_answered()
    sla.tick(MONDAY + 50 * HOUR)
    assert sla.told()[1:] == [("warned", MONDAY + 2 * HOUR), ("breached", MONDAY + 4 * HOUR)]
    assert sla.lateness == [48 * 3600.0, 46 * 3600.0]
    assert sla.breaches == [("resolution", "P3")]
    assert sla.rows(DUE) == {}


def test_there_is_one_row_for_a_running_clock_and_it_moves_on() -> None:
    sla = make_answered()
    assert {key: (row["threshold"], row["at"]) for key, row in sla.rows(DUE).items()} == {
        "INC0000001:resolution": ("50%", MONDAY + 2 * HOUR)
    }
    sla.tick(MONDAY + 3 * HOUR)
    assert sla.rows(DUE)["INC0000001:resolution"]["threshold"] == "100%"


def test_a_pause_takes_the_row_away_and_the_end_of_it_brings_a_later_one() -> None:
    sla = make_answered()
    sla.take(make_event(3, MONDAY + 1 * HOUR, data=WAITING))
    assert sla.rows(DUE) == {}
    sla.take(make_event(4, MONDAY + 9 * HOUR, data=ACCEPTED))
    assert sla.rows(DUE)["INC0000001:resolution"]["at"] == MONDAY + 10 * HOUR


@pytest.mark.parametrize("state", ["resolved", "cancelled"])
def test_a_clock_that_has_ended_has_no_row(state: str) -> None:
    sla = make_answered()
    sla.take(make_event(3, MONDAY + 1 * HOUR, data={**ACCEPTED, "state": state}))
    assert sla.rows(DUE) == {}


def test_a_change_of_priority_moves_the_row() -> None:
    sla = make_answered()
    sla.take(make_event(3, MONDAY + 10 * MINUTE, data={**ACCEPTED, "priority": "P1"}))
    row = sla.rows(DUE)["INC0000001:resolution"]
    assert (row["at"], row["bucket"]) == (MONDAY + 30 * MINUTE, 0)


def test_a_row_that_the_fold_does_not_bear_out_is_corrected_in_silence() -> None:
    sla = make_answered()
    row = sla.rows(DUE)["INC0000001:resolution"]
    row["at"] = MONDAY
    assert sla.tick(MONDAY + 1 * HOUR) == 1
    assert [name for name, _ in sla.told()] == ["started"]
    assert sla.rows(DUE)["INC0000001:resolution"]["at"] == MONDAY + 2 * HOUR


def test_a_row_without_a_clock_is_removed() -> None:
    sla = make_answered()
    del sla.rows(CLOCKS)["INC0000001:resolution"]
    assert sla.tick(MONDAY + 9 * HOUR) == 1
    assert sla.rows(DUE) == {}


def test_the_most_urgent_come_first_and_then_the_oldest() -> None:
    sla = SlaInMemory()
    for number, (priority, after) in enumerate([("P3", 2), ("P4", 1), ("P1", 9)], start=1):
        data = {"number": f"INC000000{number}", "priority": priority}
        sla.take(make_event(1, MONDAY + after * MINUTE, data=data))
    before = len(sla.published())
    sla.tick(MONDAY + 24 * HOUR)
    first = dict.fromkeys(event.data["incident"] for event in sla.published()[before:])
    assert list(first) == ["INC0000003", "INC0000002", "INC0000001"]


def test_who_has_lost_the_lease_tells_nothing() -> None:
    sla = make_answered()
    winner = sla.hold(2)
    with pytest.raises(Conflict):
        sla.tick(MONDAY + 9 * HOUR)
    assert [name for name, _ in sla.told()] == ["started"]
    assert (sla.lateness, sla.breaches) == ([], [])
    sla.lease = winner
    sla.tick()
    assert [name for name, _ in sla.told()] == ["started", "warned", "breached"]


def test_what_the_ticker_told_is_not_told_again_by_the_fold() -> None:
    sla = make_answered()
    sla.tick(MONDAY + 5 * HOUR)
    sla.take(make_event(3, MONDAY + 6 * HOUR, data={**ACCEPTED, "state": "resolved"}))
    assert [name for name, _ in sla.told()] == ["started", "warned", "breached", "ended"]


def test_a_breach_told_before_a_late_event_is_put_right_by_it() -> None:
    sla = make_answered()
    sla.tick(MONDAY + 4 * HOUR + SECOND)
    sla.take(make_event(3, MONDAY + 4 * HOUR - SECOND, data={**ACCEPTED, "state": "resolved"}))
    assert sla.told()[-1] == ("met", MONDAY + 4 * HOUR - SECOND)
    row = sla.rows(CLOCKS)["INC0000001:resolution"]
    assert (row["state"], row["breached_at"]) == ("met", None)


def test_a_pause_that_comes_late_puts_a_breach_right_and_the_true_one_is_told_when_it_comes() -> None:
    sla = make_answered()
    sla.tick(MONDAY + 4 * HOUR + SECOND)
    sla.take(make_event(3, MONDAY + 3 * HOUR, data=WAITING), make_event(4, MONDAY + 5 * HOUR, data=ACCEPTED))
    assert sla.rows(DUE)["INC0000001:resolution"]["at"] == MONDAY + 6 * HOUR
    sla.tick(MONDAY + 7 * HOUR)
    assert sla.told()[-3:] == [
        ("paused", MONDAY + 3 * HOUR),
        ("resumed", MONDAY + 5 * HOUR),
        ("breached", MONDAY + 6 * HOUR),
    ]


def test_an_event_that_changes_nothing_leaves_what_was_told() -> None:
    sla = make_answered()
    sla.tick(MONDAY + 4 * HOUR + SECOND)
    sla.take(make_event(3, MONDAY + 3 * HOUR, data=ACCEPTED))
    assert sla.tick(MONDAY + 5 * HOUR) == 0
    assert [name for name, _ in sla.told()] == ["started", "warned", "breached"]


def test_what_the_ticker_tells_hangs_on_the_incidents_trail() -> None:
    sla = make_answered()
    sla.tick(MONDAY + 3 * HOUR)
    event = sla.published()[-1]
    assert (event.correlationid, event.causationid, event.backfill) == ("trail-INC0000001", "INC0000001-2", False)


def test_a_restricted_clock_is_told_restricted() -> None:
    sla = SlaInMemory()
    sla.take(make_restricted())
    sla.tick(MONDAY + 9 * HOUR)
    assert {event.restricted for event in sla.published()} == {True}


def test_a_full_round_leaves_the_rest_to_the_next() -> None:
    sla = SlaInMemory()
    for number in range(110):
        sla.take(make_event(data={"number": f"INC{number:07d}"}))
    assert [sla.tick(MONDAY + 9 * HOUR), sla.tick(), sla.tick()] == [200, 20, 0]
    assert len(sla.breaches) == 220


LATER = make_agreements({"P1": make_policy(), "P3": make_policy(resolution=2 * HOUR, thresholds=(HOUR,))})
"""Breached at 11:00, and an hour later a threshold more."""


@pytest.mark.parametrize("state", ["closed", "waiting"])
@pytest.mark.parametrize("between", [[], [make_event(2, MONDAY + 125 * MINUTE)]], ids=["at once", "later"])
def test_what_was_told_behind_a_breach_is_put_right_by_an_event_that_comes_late(
    between: list[Envelope], state: str
) -> None:
    sla = SlaInMemory(LATER)
    sla.restart(LATER)
    sla.take(make_event(), *between)
    sla.tick(MONDAY + 10 * HOUR)
    data = {"state": state, "waiting_reason": "user" if state == "waiting" else None}
    sla.take(make_event(2 + len(between), MONDAY + 150 * MINUTE, data=data))
    last = "paused" if state == "waiting" else "ended"
    assert [name for name, _ in sla.told("resolution")] == ["started", "breached", "passed", last]
    assert sla.rows(CLOCKS)["INC0000001:resolution"]["elapsed_seconds"] == 2.5 * 3600.0
    assert verify(sla)["differences"] == []


def test_what_was_put_right_once_is_let_alone_by_what_follows() -> None:
    sla = SlaInMemory(LATER)
    sla.restart(LATER)
    sla.take(make_event())
    sla.tick(MONDAY + 10 * HOUR)
    waiting = {"state": "waiting", "waiting_reason": "user"}
    sla.take(make_event(2, MONDAY + 150 * MINUTE, data=waiting))
    told = len(sla.published())
    for version in range(3, 8):
        sla.take(make_event(version, sla.clock.now(), data=waiting))
    assert len(sla.published()) == told
    assert sla.rows(CASES)["INC0000001"]["kept"] == []
