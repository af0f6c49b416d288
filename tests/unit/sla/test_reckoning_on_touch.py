"""What events and the ticker meet when the inputs have changed: records that the tick has yet to compute anew."""

from __future__ import annotations

import pytest

from services.sla.domain.kinds import Kind
from services.sla.domain.policy import Agreements
from services.sla.domain.reckoning import ANEW
from services.sla.storage import CLOCKS, DUE
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    beside,
    make_agreements,
    make_event,
    make_policy,
    make_rule,
)
from tests.unit.sla.test_reckoning import DAY, RESOLUTION, recomputed
from tests.unit.sla.test_verify import verify


def make_plain(hours: int) -> Agreements:
    return make_agreements({"P1": make_policy(), "P3": make_policy(resolution=hours * HOUR)})


def make_plain_desk(hours: int) -> SlaInMemory:
    sla = SlaInMemory(make_plain(hours))
    sla.restart(sla.agreements)
    return sla


@pytest.mark.parametrize("ticks", [True, False], ids=["by the tick", "by an event"])
def test_a_target_that_had_gone_before_the_last_event_is_told_as_missed(ticks: bool) -> None:
    sla = make_plain_desk(4)
    sla.take(make_event(), make_event(2, MONDAY + 150 * MINUTE, data={"level": 2}))
    sla.tick(MONDAY + 3 * HOUR)
    sla.restart(make_plain(2))
    if ticks:
        sla.reckon()
    sla.take(make_event(3, MONDAY + 4 * HOUR, data={"state": "closed"}))
    assert sla.told("resolution")[-2:] == [("breached", MONDAY + 2 * HOUR), ("ended", MONDAY + 4 * HOUR)]
    assert sla.rows(CLOCKS)[RESOLUTION]["state"] == "breached"
    assert (verify(sla)["differences"], verify(sla)["behind"]) == ([], 0)


WAITING = {"state": "waiting", "waiting_reason": "user"}
WORKING = {"state": "in_progress"}


@pytest.mark.parametrize("ticks", [True, False], ids=["by the tick", "by an event"])
@pytest.mark.parametrize("turns", [(WAITING,), (WAITING, WORKING)], ids=["stands", "goes on"])
def test_a_target_that_had_gone_before_the_last_turn_is_told_as_missed(
    turns: tuple[dict[str, str], ...], ticks: bool
) -> None:
    sla = make_plain_desk(4)
    sla.take(make_event(), *(make_event(n, MONDAY + (2 + n / 4) * HOUR, data=one) for n, one in enumerate(turns, 2)))
    sla.tick(MONDAY + 3 * HOUR)
    sla.restart(make_plain(2))
    if ticks:
        sla.reckon()
    sla.take(make_event(2 + len(turns), MONDAY + 4 * HOUR, data={"state": "closed"}))
    told = sla.told("resolution")
    assert [name for name, _ in told][-3:] == ["breached", "recomputed", "ended"]
    assert told[-3][1] == MONDAY + 2 * HOUR
    assert (verify(sla)["differences"], verify(sla)["behind"]) == ([], 0)


@pytest.mark.parametrize("state", [WAITING, WORKING], ids=["stands", "goes on"])
def test_a_target_that_had_gone_before_a_solution_is_told_as_missed_when_the_record_is_reopened(
    state: dict[str, str],
) -> None:
    sla = make_plain_desk(4)
    sla.take(make_event(), make_event(2, MONDAY + 3 * HOUR, data={"state": "resolved"}))
    sla.restart(make_plain(2))
    sla.take(make_event(3, MONDAY + 5 * HOUR, data=state))
    last = "paused" if state == WAITING else "resumed"
    assert sla.told("resolution")[-2:] == [("breached", MONDAY + 2 * HOUR), (last, MONDAY + 5 * HOUR)]
    assert ("resolution", "P3") in sla.breaches
    assert verify(sla)["differences"] == []


@pytest.mark.parametrize("turn", [WAITING, {"state": "resolved"}, {"priority": "P1", **WORKING}], ids=str)
def test_a_service_with_a_longer_target_takes_back_no_breach_that_was_told(turn: dict[str, str]) -> None:
    sla = make_plain_desk(8)
    old, new = sla.agreements, make_plain(4)
    sla.take(make_event())
    sla.restart(new)
    sla.reckon()
    sla.tick(MONDAY + 5 * HOUR)
    sla.agreements = old
    sla.take(make_event(2, MONDAY + 6 * HOUR, data=turn))
    sla.take(make_event(3, MONDAY + 7 * HOUR, data={**turn, **WORKING}))
    sla.tick(MONDAY + 20 * HOUR)
    sla.take(make_event(4, MONDAY + 21 * HOUR, data={**turn, "state": "resolved"}))
    sla.restart(new)
    sla.reckon()
    assert [one for one in sla.told("resolution") if one[0] in ("breached", "met")] == [("breached", MONDAY + 4 * HOUR)]
    record = sla.rows(CLOCKS)[RESOLUTION]
    assert (record["state"], record["breached_at"]) == ("breached", MONDAY + 4 * HOUR)
    assert verify(sla)["differences"] == []


def test_a_word_on_a_closed_record_begins_no_clock_that_was_agreed_since() -> None:
    sla = make_plain_desk(4)
    sla.take(make_event(), make_event(2, MONDAY + HOUR, data={"state": "closed"}))
    sla.clock.advance(100 * DAY)
    sla.restart(beside(make_plain(4), "premium", make_rule(make_policy(name="premium", resolution=HOUR / 2))))
    told = len(sla.published())
    sla.take(make_event(3, sla.clock.now(), data={"state": "closed"}))
    assert len(sla.published()) == told
    assert verify(sla)["differences"] == []


def test_an_older_service_computes_no_record_anew_and_a_breach_that_was_told_keeps_its_instant() -> None:
    sla = make_plain_desk(4)
    old, new = sla.agreements, beside(make_plain(5), "premium", make_rule(make_policy(name="premium")))
    sla.take(make_event())
    sla.restart(new)
    sla.reckon()
    sla.tick(MONDAY + 6 * HOUR)
    sla.agreements, told = old, sla.told("resolution")
    sla.take(make_event(2, MONDAY + 6 * HOUR + MINUTE, data={"state": "resolved"}))
    sla.take(make_event(3, MONDAY + 7 * HOUR, data={"state": "in_progress"}))
    assert [name for name, _ in sla.told("resolution")[len(told) :]] == ["ended", "resumed"]
    sla.agreements = new
    sla.reckon()
    assert sla.rows(CLOCKS)[RESOLUTION]["breached_at"] == MONDAY + 5 * HOUR
    assert verify(sla)["differences"] == []


def test_settings_that_are_taken_back_leave_nothing_that_differs() -> None:
    main = make_plain(4)
    policy = make_policy(name="premium", resolution=3 * HOUR)
    always, seldom = (beside(main, "premium", make_rule(policy, **one)) for one in ({}, {"priority": "P1"}))
    sla = SlaInMemory(always)
    sla.restart(always)
    p1, p3 = {"priority": "P1"}, {"priority": "P3"}
    sla.take(make_event(data=p1), make_event(2, MONDAY + HOUR / 2, data={**p1, "state": "closed"}))
    sla.restart(seldom)
    sla.take(make_event(3, MONDAY + HOUR, data={**p3, "state": "in_progress"}))
    sla.take(make_event(4, MONDAY + 2 * HOUR, data={**p3, "state": "closed"}))
    sla.restart(always)
    sla.take(make_event(5, MONDAY + 3 * HOUR, data={**p3, "state": "closed"}))
    assert verify(sla)["differences"] == []


def test_an_agreement_that_is_lost_and_comes_back_tells_of_no_late_event() -> None:
    sla = make_plain_desk(4)
    both = beside(make_plain(4), "premium", make_rule(make_policy(name="premium", resolution=HOUR)))
    for agreements in (both, make_plain(4), both):
        sla.restart(agreements)
        sla.take(make_event()) if not sla.rows(CLOCKS) else sla.reckon()
    assert [one.data["change"]["why"] for one in recomputed(sla)] == [ANEW, ANEW]


def test_a_threshold_that_was_told_by_settings_that_were_taken_back_is_computed_anew() -> None:
    sla = make_plain_desk(4)
    before = sla.agreements
    sla.take(make_event())
    sla.restart(make_agreements({"P1": make_policy(), "P3": make_policy(thresholds=(50, HOUR))}))
    sla.tick(MONDAY + 3 * HOUR)
    assert ("passed", MONDAY + 2 * HOUR) in sla.told("response")
    sla.restart(before)
    assert sla.reckon() == 1
    assert verify(sla)["differences"] == []


def test_a_row_that_other_settings_found_needless_is_there_again_when_they_are_taken_back() -> None:
    sla = make_plain_desk(4)
    before = make_agreements({"P3": make_policy(others={Kind.VENDOR: HOUR / 2})})
    sla.restart(before)
    sla.reckon()
    sla.take(make_event(), make_event(2, MONDAY, data={"state": "waiting", "waiting_reason": "vendor"}))
    vendor = next(key for key, row in sla.rows(CLOCKS).items() if row["kind"] == Kind.VENDOR)
    sla.restart(make_agreements())
    sla.tick(MONDAY + 20 * MINUTE)
    assert vendor not in sla.rows(DUE)
    sla.restart(before)
    sla.reckon()
    sla.tick(MONDAY + 3 * HOUR)
    assert sla.rows(CLOCKS)[vendor]["breached_at"] == MONDAY + 30 * MINUTE
    assert (verify(sla)["differences"], verify(sla)["behind"]) == ([], 0)
