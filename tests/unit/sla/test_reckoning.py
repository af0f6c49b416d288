"""Changed inputs: open records are computed anew, once, and what was told stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla import handlers
from services.sla.domain.calendar import Version
from services.sla.domain.policy import Agreements
from services.sla.events import RECOMPUTED
from services.sla.storage import CASES, CLOCKS, DUE, EDITIONS
from shared.envelope import Envelope
from shared.errors import Conflict
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    make_agreements,
    make_calendar,
    make_event,
    make_policy,
)
from tests.unit.sla.lives import LIFE, life
from tests.unit.sla.test_verify import verify

DAY = timedelta(days=1)
TUESDAY = (MONDAY + DAY).date()
RESOLUTION = "INC0000001:resolution"
WAITING = {"state": "waiting", "waiting_reason": "user"}


def make_office(*closed: Any, zones: str = "2026a", **calendar: Any) -> Agreements:
    """Office hours from 8 to 12, closed on these dates; ten hours to resolve, and an answer within six."""
    office = make_calendar("08:00-12:00", holidays=dict.fromkeys(closed, "a holiday"), **calendar)
    policies = {name: make_policy(calendar="office", response=6 * HOUR, resolution=10 * HOUR) for name in ("P1", "P3")}
    return make_agreements(policies, {"office": office}, zones)


def make_desk(agreements: Agreements | None = None) -> SlaInMemory:
    """An incident opened on Monday at nine: due on Wednesday at eleven."""
    sla = SlaInMemory(agreements or make_office())
    sla.restart(sla.agreements)
    sla.take(make_event())
    return sla


def recomputed(sla: SlaInMemory) -> list[Envelope]:
    return [event for event in sla.published() if event.type == RECOMPUTED]


def due_at(sla: SlaInMemory, key: str = RESOLUTION) -> Any:
    return sla.rows(CLOCKS)[key]["due_at"]


def test_a_holiday_that_is_added_moves_what_is_due_and_is_told_once() -> None:
    sla = make_desk()
    assert due_at(sla) == MONDAY + 2 * DAY + 2 * HOUR
    sla.restart(make_office(TUESDAY))
    assert sla.reckon() == 1
    assert due_at(sla) == MONDAY + 3 * DAY + 2 * HOUR
    assert sla.rows(DUE)[RESOLUTION]["at"] == MONDAY + 2 * DAY + 1 * HOUR
    change = next(one for one in recomputed(sla) if one.subject == RESOLUTION).data["change"]
    assert change["why"] == "calendar office changed"
    assert (change["due_from"], change["due_to"]) == ("2026-03-04T11:00:00.000Z", "2026-03-05T11:00:00.000Z")
    assert len(recomputed(sla)) == 2
    assert sla.reckon() == 0
    assert len(recomputed(sla)) == 2


def test_what_the_change_does_not_touch_is_not_told() -> None:
    sla = make_desk()
    before = len(sla.published())
    sla.restart(make_office((MONDAY + 200 * DAY).date()))
    assert sla.reckon() == 1
    assert len(sla.published()) == before
    assert verify(sla)["differences"] == []


def test_a_new_time_zone_database_is_named_from_and_to() -> None:
    sla = make_desk()
    sla.rows(CLOCKS)[RESOLUTION]["due_at"] = MONDAY
    sla.restart(make_office(zones="2026b"))
    sla.reckon()
    (told,) = recomputed(sla)
    assert told.data["change"]["why"] == "time zone database 2026a -> 2026b"
    assert told.data["inputs"]["zones"] == "2026b"


def test_a_record_from_before_inputs_were_kept_is_computed_anew() -> None:
    sla = make_desk()
    for row in sla.rows(CASES).values():
        del row["edition"], row["unended"], row["kept"]
    for row in sla.rows(CLOCKS).values():
        del row["inputs"]
        row["due_at"] = MONDAY
    sla.restart(sla.agreements)
    assert sla.reckon() == 1
    assert {one.data["change"]["why"] for one in recomputed(sla)} == {"it was stored without its inputs"}
    assert verify(sla)["differences"] == []


def test_a_version_that_holds_from_later_on_leaves_the_past_alone() -> None:
    sla = make_desk()
    later = Version(effective_from=MONDAY + DAY, calendar=make_calendar("08:00-18:00"))
    sla.restart(make_office(versions=(later,)))
    sla.reckon()
    assert due_at(sla) == MONDAY + DAY - HOUR + 7 * HOUR
    assert verify(sla)["differences"] == []


def test_a_breach_stays_one_and_the_proof_says_so() -> None:
    sla = make_desk()
    sla.tick(MONDAY + 3 * DAY)
    assert sla.rows(CLOCKS)[RESOLUTION]["state"] == "breached"
    sla.restart(make_office(*(TUESDAY + day * DAY for day in range(9))))
    sla.reckon()
    row = sla.rows(CLOCKS)[RESOLUTION]
    assert (row["state"], row["breached_at"]) == ("breached", MONDAY + 2 * DAY + 2 * HOUR)
    found = verify(sla)
    assert (found["differences"], found["kept"]) == ([], 2)
    sla.take(make_event(2, MONDAY + 3 * DAY + HOUR, data={"state": "resolved"}))
    assert sla.rows(CLOCKS)[RESOLUTION]["state"] == "breached"
    assert [name for name, _ in sla.told()].count("breached") == 1
    assert verify(sla)["differences"] == []


def test_a_warning_is_not_told_again_when_its_instant_moves_away() -> None:
    sla = make_desk()
    sla.tick(MONDAY + DAY + 3 * HOUR)
    assert [name for name, _ in sla.told()] == ["started", "warned"]
    sla.restart(make_office(TUESDAY))
    sla.reckon()
    sla.tick(MONDAY + 10 * DAY)
    assert [name for name, _ in sla.told()] == ["started", "warned", "recomputed", "breached"]
    assert verify(sla)["differences"] == []


def test_a_fact_that_comes_late_still_puts_a_kept_breach_right() -> None:
    sla = make_desk()
    sla.tick(MONDAY + 3 * DAY)
    sla.restart(make_office(TUESDAY + 8 * DAY))
    sla.reckon()
    sla.take(make_event(2, MONDAY + DAY, data={"state": "resolved"}))
    assert sla.rows(CLOCKS)[RESOLUTION]["state"] == "met"
    assert verify(sla)["differences"] == []


def test_a_holiday_that_is_taken_away_may_mean_that_the_target_has_gone() -> None:
    sla = make_desk(make_office(TUESDAY))
    sla.clock.advance(2 * DAY + 3 * HOUR)
    sla.restart(make_office())
    sla.reckon()
    assert sla.rows(CLOCKS)[RESOLUTION]["state"] == "running"
    sla.tick()
    assert sla.told()[-1] == ("breached", MONDAY + 2 * DAY + 2 * HOUR)
    assert verify(sla)["differences"] == []


def test_a_clock_that_has_ended_keeps_its_verdict_and_verify_counts_it_apart() -> None:
    sla = make_desk()
    sla.take(make_event(2, MONDAY + 2 * DAY + HOUR, data={"state": "resolved"}))
    before = sla.rows(CLOCKS)[RESOLUTION]
    sla.restart(make_office(TUESDAY))
    assert sla.reckon() == 0
    assert sla.rows(CLOCKS)[RESOLUTION] == before
    found = verify(sla)
    assert (found["differences"], found["superseded"]) == ([], 2)


def test_a_record_that_is_reopened_under_other_inputs_is_computed_anew() -> None:
    sla = make_desk()
    sla.take(make_event(2, MONDAY + 2 * DAY + HOUR, data={"state": "resolved"}))
    before = sla.rows(CLOCKS)[RESOLUTION]
    sla.restart(make_office(TUESDAY))
    sla.take(make_event(3, MONDAY + 2 * DAY + 2 * HOUR))
    assert (verify(sla)["differences"], verify(sla)["outdated"]) == ([], 0)
    assert sla.rows(CLOCKS)[RESOLUTION]["inputs"]["calendar"] != before["inputs"]["calendar"]
    assert sla.reckon() == 0


def test_a_clock_that_stands_is_told_too_because_it_will_be_due_at_another_time() -> None:
    sla = make_desk()
    sla.take(make_event(2, MONDAY + DAY + HOUR, data=WAITING))
    sla.restart(make_office(TUESDAY))
    sla.reckon()
    change = next(one for one in recomputed(sla) if one.subject == RESOLUTION).data["change"]
    assert (change["elapsed_from"], change["elapsed_to"], change["due_to"]) == (5 * 3600.0, 3 * 3600.0, None)


def test_the_last_edition_to_start_holds_and_an_older_service_leaves_records_alone() -> None:
    sla = make_desk()
    old, new = sla.agreements, make_office(TUESDAY)
    sla.restart(new)
    sla.reckon()
    sla.agreements = old
    assert sla.reckon() == 0
    assert due_at(sla) == MONDAY + 3 * DAY + 2 * HOUR
    sla.restart(old)
    assert sla.reckon() == 1
    assert due_at(sla) == MONDAY + 2 * DAY + 2 * HOUR
    assert len(sla.rows(EDITIONS)) == 2


def test_who_has_lost_the_lease_computes_nothing() -> None:
    sla = make_desk()
    sla.restart(make_office(TUESDAY))
    sla.hold(2)
    with pytest.raises(Conflict):
        sla.reckon()
    assert recomputed(sla) == []


def test_a_round_looks_at_a_window_of_records_only() -> None:
    sla = SlaInMemory(make_office())
    sla.restart(sla.agreements)
    for number in range(handlers.reckoning.BATCH + 5):
        sla.take(make_event(data={"number": f"INC{number:07d}"}))
    sla.restart(make_office(TUESDAY))
    rounds = [sla.reckon_once() for _ in range(3)]
    assert rounds == [handlers.reckoning.BATCH, 5, 0]


def test_what_is_yet_to_be_computed_is_counted_whichever_service_asks() -> None:
    sla = SlaInMemory(make_office())
    assert outdated(sla) == 0
    sla.restart(sla.agreements)
    for number in range(handlers.reckoning.BATCH + 5):
        sla.take(make_event(data={"number": f"INC{number:07d}"}))
    sla.take(make_event(2, MONDAY + HOUR, data={"state": "resolved", "number": "INC0000003"}))
    sla.rows(CASES)["INC0000004"] |= {"unended": None, "edition": None}
    old = sla.agreements
    assert outdated(sla) == 1
    sla.restart(make_office(TUESDAY))
    assert outdated(sla) == handlers.reckoning.BATCH + 4
    sla.reckon_once()
    assert outdated(sla) == 4
    sla.reckon()
    sla.agreements = old
    assert outdated(sla) == 0


def outdated(sla: SlaInMemory) -> int:
    return sla.unit_of_work.run(handlers.count_outdated)


def test_a_target_that_was_changed_in_place_is_followed_as_well() -> None:
    sla = SlaInMemory()
    sla.restart(sla.agreements)
    sla.take(make_event())
    sla.restart(make_agreements({"P3": make_policy(resolution=9 * HOUR)}))
    sla.reckon()
    change = recomputed(sla)[-1].data["change"]
    assert (change["why"], change["target_from"], change["target_to"]) == ("policies 1 changed", 14400.0, 32400.0)
    assert verify(sla)["differences"] == []


def test_a_record_without_its_history_is_left_as_it_is_but_for_when_to_look() -> None:
    sla = make_desk()
    sla.rows("history").clear()
    sla.restart(make_office(TUESDAY))
    assert sla.reckon() == 1
    assert recomputed(sla) == []
    assert sla.rows(DUE)[RESOLUTION]["at"] == MONDAY + 2 * DAY + HOUR


@settings(max_examples=60, deadline=None)
@given(
    closed=st.lists(st.sets(st.integers(0, 6), max_size=3), min_size=1, max_size=3),
    after=st.lists(st.integers(0, len(LIFE)), min_size=3, max_size=3),
    ticks=st.lists(st.integers(0, 6 * 24 * 60), max_size=5),
    late=st.sets(st.integers(1, len(LIFE) - 1), max_size=3),
)
def test_nothing_differs_whatever_changes_and_whenever(
    closed: list[set[int]], after: list[int], ticks: list[int], late: set[int]
) -> None:
    sla = SlaInMemory(make_office())
    sla.restart(sla.agreements)
    events = life()
    events = [one for place, one in enumerate(events) if place not in late] + [events[place] for place in sorted(late)]
    changes, looks = dict(zip(after, closed, strict=False)), sorted(ticks)
    for place, event in enumerate(events):
        sla.take(event)
        for minutes in looks[place : place + 1]:
            sla.tick(max(MONDAY + minutes * MINUTE, sla.clock.now()))
        if place in changes:
            sla.restart(make_office(*(TUESDAY + day * DAY for day in changes[place])))
            before = breached(sla)
            sla.reckon()
            assert before <= breached(sla)
    while sla.tick(sla.clock.now() + 20 * DAY):
        pass
    found = verify(sla)
    assert (found["differences"], found["outdated"]) == ([], 0)
    told = [
        (event.subject, event.data["change"]["threshold"]) for event in sla.published() if event.type == "sla.warned"
    ]
    assert len(told) == len(set(told))


def breached(sla: SlaInMemory) -> set[str]:
    return {key for key, row in sla.rows(CLOCKS).items() if row["state"] == "breached"}
