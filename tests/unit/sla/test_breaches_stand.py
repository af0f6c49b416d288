"""A breach that was told stands while settings change and services of other settings run; one that comes to light then
is told."""

from __future__ import annotations

from datetime import datetime

import pytest

from services.sla.domain import policy
from services.sla.domain.actions import Action
from services.sla.domain.policy import Policy
from services.sla.domain.reckoning import ANEW
from services.sla.events import BREACHED, RECOMPUTED
from services.sla.storage import CLOCKS, HISTORY
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
    make_threshold,
)
from tests.unit.sla.test_reckoning import RESOLUTION
from tests.unit.sla.test_reckoning_on_touch import WAITING, WORKING, make_plain, make_plain_desk
from tests.unit.sla.test_verify import verify


def told_breaches(sla: SlaInMemory) -> list[datetime]:
    return [at for name, at in sla.told("resolution") if name == "breached"]


@pytest.mark.parametrize("by_event", [False, True], ids=["by the tick", "by an event"])
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (make_policy(), make_policy(thresholds=(50, 75))),
        (make_policy(thresholds=(50,)), make_policy(thresholds=(25, HOUR))),
        (make_policy(pauses=frozenset()), make_policy(pauses=frozenset({"vendor"}))),
    ],
    ids=["a warning more", "other thresholds", "a pause more"],
)
def test_a_breach_that_was_told_is_not_taken_back_and_not_told_again(
    first: Policy, then: Policy, by_event: bool
) -> None:
    sla = SlaInMemory(make_agreements({"P3": first}))
    sla.restart(sla.agreements)
    sla.take(make_event(), make_event(2, MONDAY + HOUR, data={**WAITING, "waiting_reason": "vendor"}))
    sla.tick(MONDAY + 5 * HOUR)
    sla.restart(make_agreements({"P3": then}))
    if not by_event:
        sla.reckon()
        sla.tick(MONDAY + 5 * HOUR + MINUTE)
    sla.take(make_event(3, MONDAY + 6 * HOUR, data=WORKING))
    sla.reckon()
    sla.tick(MONDAY + 20 * HOUR)
    assert told_breaches(sla) == [MONDAY + 4 * HOUR]
    assert sla.breaches.count(("resolution", "P3")) == 1
    assert sla.rows(CLOCKS)[RESOLUTION]["breached_at"] == MONDAY + 4 * HOUR
    assert (verify(sla)["differences"], verify(sla)["behind"]) == ([], 0)


@pytest.mark.parametrize(
    "old",
    [
        make_policy(resolution=8 * HOUR, thresholds=(50, 75)),
        make_policy(pauses=frozenset({"vendor"})),
    ],
    ids=["that warns later", "that pauses for more"],
)
def test_neither_events_nor_the_ticker_of_an_older_service_take_back_a_breach(old: Policy) -> None:
    older, newer = make_agreements({"P3": old}), make_agreements({"P3": make_policy(thresholds=(50, HOUR))})
    sla = SlaInMemory(older)
    sla.restart(older)
    sla.take(make_event(), make_event(2, MONDAY + HOUR, data={**WAITING, "waiting_reason": "vendor"}))
    sla.restart(newer)
    sla.reckon()
    sla.tick(MONDAY + 4.5 * HOUR)
    sla.agreements = older
    sla.tick(MONDAY + 7 * HOUR)
    sla.take(make_event(3, MONDAY + 7.5 * HOUR, data=WORKING))
    sla.tick(MONDAY + 20 * HOUR)
    assert sla.rows(CLOCKS)[RESOLUTION]["state"] == "breached"
    sla.restart(newer)
    sla.reckon()
    sla.tick(MONDAY + 21 * HOUR)
    assert told_breaches(sla) == [MONDAY + 4 * HOUR]
    assert (verify(sla)["differences"], verify(sla)["behind"]) == ([], 0)


@pytest.mark.parametrize("hidden", [{"backfill": True}, {"restricted": True}], ids=str)
def test_a_breach_that_comes_to_light_is_history_or_hidden_as_its_incident_was_then(hidden: dict[str, bool]) -> None:
    sla = make_plain_desk(4)
    sla.take(make_event(**hidden), make_event(2, MONDAY + 3 * HOUR, data={"state": "resolved"}, **hidden))
    sla.restart(make_plain(2))
    before = len(sla.breaches)
    sla.take(make_event(3, MONDAY + 5 * HOUR, data=WORKING))
    [breach] = [one for one in sla.published() if one.type == BREACHED and one.subject == RESOLUTION]
    assert {name: getattr(breach, name) for name in hidden} == hidden
    assert ("resolution", "P3") not in sla.breaches[before:] or "restricted" in hidden


def test_a_breach_that_comes_to_light_asks_for_nothing_that_has_lost_its_point() -> None:
    agreements = [
        make_agreements({"P3": make_policy(resolution=hours * HOUR, thresholds=(make_threshold(100, Action.NOTIFY),))})
        for hours in (4, 2)
    ]
    sla = SlaInMemory(agreements[0])
    sla.restart(agreements[0])
    sla.take(make_event(), make_event(2, MONDAY + 3 * HOUR, data={"state": "resolved"}))
    sla.restart(agreements[1])
    sla.take(make_event(3, MONDAY + 5 * HOUR, data=WORKING), make_event(4, MONDAY + 6 * HOUR, data={"state": "closed"}))
    [breach] = [one for one in sla.published() if one.type == BREACHED and one.subject == RESOLUTION]
    assert breach.data["change"]["lapsed"] == {"actions": ["notify"], "why": "clock-does-not-run"}


def test_a_breach_that_the_tick_brings_to_light_counts_in_the_metric() -> None:
    sla = make_plain_desk(4)
    sla.take(make_event(), make_event(2, MONDAY + 150 * MINUTE, data=WAITING))
    sla.restart(make_plain(2))
    sla.reckon()
    assert ("resolution", "P3") in sla.breaches


def test_a_breach_that_a_late_event_takes_back_and_that_was_kept_is_told_again_at_once() -> None:
    premium = (make_rule(make_policy(name="premium", resolution=hours * HOUR)) for hours in (2, 3))
    first, then = (beside(make_agreements(), "premium", rule) for rule in premium)
    sla = SlaInMemory(first)
    sla.restart(first)
    sla.take(make_event())
    sla.tick(MONDAY + 2 * HOUR + MINUTE)
    sla.restart(then)
    sla.take(make_event(2, MONDAY, data={"priority": "P1"}))
    sla.tick(MONDAY + 2 * HOUR + 2 * MINUTE)
    assert sla.rows(CLOCKS)[f"{RESOLUTION}@premium"]["breached_at"] == MONDAY + 2 * HOUR
    assert (verify(sla)["differences"], verify(sla)["behind"]) == ([], 0)


def test_a_breach_stands_while_settings_change_of_a_record_whose_history_is_not_whole() -> None:
    sla = make_plain_desk(4)
    sla.take(make_event())
    sla.tick(MONDAY + 5 * HOUR)
    sla.rows(HISTORY).clear()
    sla.restart(make_plain(8))
    sla.reckon()
    sla.take(make_event(2, MONDAY + 6 * HOUR, data=WAITING))
    assert (sla.rows(CLOCKS)[RESOLUTION]["state"], told_breaches(sla)) == ("breached", [MONDAY + 4 * HOUR])
    sla.tick(MONDAY + 20 * HOUR)
    assert told_breaches(sla) == [MONDAY + 4 * HOUR]


def test_a_record_that_new_rules_of_the_desk_move_says_that_it_was_computed_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sla = make_plain_desk(4)
    sla.take(make_event())
    sla.rows(CLOCKS)[RESOLUTION]["due_at"] += HOUR
    monkeypatch.setattr(policy, "RULES", policy.RULES + 1)
    sla.restart(make_plain(4))
    sla.reckon()
    (told,) = [one.data["change"] for one in sla.published() if one.type == RECOMPUTED]
    assert (told["why"], told["due_to"]) == (ANEW, "2026-03-02T13:00:00.000Z")
    assert verify(sla)["differences"] == []


def test_a_breach_is_counted_by_the_name_of_its_clock() -> None:
    sla = SlaInMemory(beside(make_agreements(), "premium", make_rule(make_policy(name="premium", resolution=HOUR))))
    sla.restart(sla.agreements)
    sla.take(make_event())
    sla.tick(MONDAY + 2 * HOUR)
    assert sla.breaches.count(("resolution@premium", "P3")) == 1
