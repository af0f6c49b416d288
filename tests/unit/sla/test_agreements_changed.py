"""Settings that gain or lose an agreement while records are open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla import handlers
from services.sla.domain.case import Case
from services.sla.domain.kinds import Kind
from services.sla.domain.policy import Agreements
from services.sla.domain.run import Run
from services.sla.domain.targets import OnReopen
from services.sla.events import BREACHED, CANCELLED, EXPECTED
from services.sla.handlers.rows import identity_in
from services.sla.storage import CASES, CLOCKS, DUE
from shared.envelope import Envelope
from shared.storage import from_document
from tests.unit.sla.dose import DOSE
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    SlaInMemory,
    beside,
    make_agreements,
    make_calendar,
    make_event,
    make_policy,
    make_rule,
)
from tests.unit.sla.test_agreements_kept import KEY, MAIN_KEY, NUMBER, P1, RITA, ask, make_both, make_desk
from tests.unit.sla.test_shuffled import ALL_KINDS, pasts
from tests.unit.sla.test_verify import verify


def test_an_agreement_that_the_settings_gain_holds_for_open_records_from_their_beginning() -> None:
    sla = SlaInMemory()
    sla.restart(sla.agreements)
    sla.take(make_event(data=RITA))
    sla.tick(MONDAY + 2 * HOUR)
    sla.restart(make_both())
    assert sla.reckon() == 1
    assert sla.told("resolution@premium") == [("started", MONDAY)]
    assert sla.rows(DUE)[KEY]["at"] == MONDAY + 90 * MINUTE
    assert verify(sla)["differences"] == []
    assert [one.data["change"]["solution_by_to"] for one in sla.published() if one.type == EXPECTED][-1] == (
        "2026-03-02T12:00:00.000Z"
    )
    sla.tick()
    assert sla.told("resolution@premium")[-1] == ("warned", MONDAY + 90 * MINUTE)
    assert sla.reckon() == 0


def test_an_agreement_that_the_settings_lose_ends_its_clocks() -> None:
    sla = make_desk()
    sla.restart(make_agreements())
    assert sla.reckon() == 1
    ended = {one.subject for one in sla.published() if one.type == CANCELLED}
    assert ended == {KEY, f"{NUMBER}:response@premium"}
    assert sla.rows(DUE).keys() == {MAIN_KEY, f"{NUMBER}:response"}
    assert verify(sla)["differences"] == []
    sla.take(make_event(2, MONDAY + HOUR, data=P1))
    assert verify(sla)["differences"] == []


@pytest.mark.parametrize("state", ["in_progress", "resolved"])
def test_an_agreement_that_is_lost_and_comes_back_leaves_what_the_history_says(state: str) -> None:
    sla = make_desk()
    sla.restart(make_agreements())
    sla.reckon()
    sla.take(make_event(2, MONDAY + HOUR, data={"state": state, "accepted_at": "2026-03-02T10:00:00.000Z"}))
    sla.restart(make_both())
    sla.reckon()
    assert verify(sla)["differences"] == []
    assert sla.rows(CLOCKS)[KEY]["state"] == ("running" if state == "in_progress" else "cancelled")
    sla.take(make_event(3, MONDAY + 2 * HOUR, data={"state": "in_progress", "accepted_at": "2026-03-02T10:00:00.000Z"}))
    sla.reckon()
    assert verify(sla)["differences"] == []


def make_editions() -> Iterator[Agreements]:
    """First agreements that differ in targets, calendars, kinds of clocks and what reopening does; beside each of them
    nothing, an agreement that comes and goes with the priority, and one that always holds."""
    first, seldom, always = (
        make_policy(name="office", calendar="office", response=HOUR / 2, resolution=2 * HOUR),
        make_policy(name="premium", resolution=2 * HOUR, others=ALL_KINDS),
        make_policy(name="premium", response=HOUR / 2, resolution=3 * HOUR, on_reopen=OnReopen.RESTART),
    )
    calendars = {"office": make_calendar("08:00-12:00", "13:00-17:00", days=5)}
    late = (50, timedelta(hours=1))
    for standard in (
        make_policy(),
        make_policy(thresholds=late, others=ALL_KINDS),
        make_policy(thresholds=late, others={Kind.VENDOR: HOUR}, on_reopen=OnReopen.RESTART, resolution=2 * HOUR),
    ):
        main = make_agreements({"P1": replace(first, others=standard.others), "P3": standard}, calendars)
        yield main
        yield beside(main, "premium", make_rule(seldom, priority="P1"))
        yield beside(main, "premium", make_rule(always, organisation="acme"))
        yield beside(
            beside(main, "premium", make_rule(seldom, priority="P1")), "house", make_rule(always), internal=True
        )


EDITIONS = tuple(make_editions())


def find_run(sla: SlaInMemory, clock: dict[str, Any]) -> Run:
    found = from_document(Case, sla.rows(CASES)[clock["incident"]]).clock(identity_in(clock))
    assert found is not None
    return found


@settings(max_examples=DOSE // 5, deadline=None)
@given(past=pasts(), data=st.data())
def test_whatever_the_settings_gain_and_lose_meanwhile_every_clock_stays_what_its_history_says(
    past: list[Envelope], data: st.DataObject
) -> None:
    sla = SlaInMemory(EDITIONS[0])
    sla.restart(sla.agreements)
    for event in past:
        if data.draw(st.integers(0, 2)) == 0:
            sla.restart(EDITIONS[data.draw(st.integers(0, len(EDITIONS) - 1))])
            if data.draw(st.booleans()):
                sla.reckon()
        sla.take(event)
        sla.tick(max(event.time, sla.clock.now()))
    sla.reckon()
    sla.tick(sla.clock.now() + MINUTE)
    found = verify(sla)
    assert (found["differences"], found["outdated"], found["behind"]) == ([], 0, 0)
    told = {event.subject for event in sla.published() if event.type == BREACHED}
    for key, clock in sla.rows(CLOCKS).items():
        assert clock["breached_at"] is None or key in told
        run = find_run(sla, clock)
        if run.is_open and clock["state"] not in ("breached",):
            assert clock["state"] in ("running", "paused")
        elif not run.is_open:
            assert clock["state"] not in ("running", "paused")


def test_a_clock_of_before_goes_on_later_with_the_breach_that_was_told_of_it() -> None:
    sla = SlaInMemory(beside(make_agreements(), "premium", make_rule(make_policy(name="premium", resolution=HOUR))))
    sla.restart(sla.agreements)
    sla.take(make_event(data={"priority": "P3"}))
    sla.take(make_event(2, MONDAY + 2 * HOUR, data={"state": "resolved"}))
    longer = make_rule(make_policy(name="premium", resolution=9 * HOUR), priority="P1")
    sla.restart(beside(make_agreements(), "premium", longer))
    sla.take(make_event(3, MONDAY + 3 * HOUR, data={"state": "in_progress"}))
    sla.take(make_event(4, MONDAY + 4 * HOUR, data=P1))
    assert sla.rows(CLOCKS)[KEY]["breached_at"] == MONDAY + HOUR
    assert verify(sla)["differences"] == []


def test_a_record_that_was_folded_under_other_settings_and_back_is_computed_anew() -> None:
    sla = make_desk()
    before = sla.agreements
    sla.restart(make_agreements())
    sla.take(make_event(2, MONDAY + MINUTE))
    sla.restart(before)
    assert sla.reckon() == 1
    assert sla.rows(CASES)[NUMBER]["edition"] == before.edition
    assert verify(sla)["differences"] == []


def test_an_agreement_that_the_settings_lost_does_not_stop_the_ticker_or_an_answer() -> None:
    sla = make_desk(**RITA)
    sla.agreements = make_agreements()
    sla.take(make_event(2, MONDAY + MINUTE, data={**RITA, **P1}))
    sla.tick(MONDAY + 5 * HOUR)
    assert ask(sla, "expect", NUMBER)["solution"]["word"] == "late"
    assert len(sla.ask(handlers.get, number=NUMBER)["clocks"]) == 4
    assert ask(sla, "figures", agreement="all")["values"]["P1"]["resolution"] == {"breached": 1}


def test_a_rule_that_takes_the_record_no_more_ends_its_clocks() -> None:
    sla = make_desk()
    other = make_rule(make_policy(name="premium"), organisation="other")
    sla.restart(beside(make_agreements(), "premium", other))
    sla.reckon()
    assert sla.rows(CLOCKS)[KEY]["state"] == "cancelled"
    assert verify(sla)["differences"] == []
