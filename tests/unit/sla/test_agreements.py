"""Several agreements on one record: each has the clocks that it would have alone, for as long as it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from services.sla.domain.case import Case, fold, fold_entry
from services.sla.domain.clock import advance
from services.sla.domain.kinds import Kind
from services.sla.domain.policy import MAIN, Agreements, OnReopen
from services.sla.domain.run import NOT_AGREED, ClockState, Run, due_at, elapsed, state_of, terms_of
from tests.unit.sla.dose import DOSE
from tests.unit.sla.factories import HOUR, MINUTE, MONDAY, beside, make_agreements, make_history, make_policy, make_rule
from tests.unit.sla.pairs import comes_and_goes, two
from tests.unit.sla.worlds import World

P1 = {"priority": "P1"}
P3 = {"priority": "P3"}
WORK = {"state": "in_progress"}
PREMIUM = make_rule(make_policy(name="premium", response=HOUR / 2, resolution=3 * HOUR), priority="P1")


def make_both(*rules: Any, **options: Any) -> Agreements:
    """The house's own agreement, and `premium`, which is for P1."""
    return beside(make_agreements(), "premium", *(rules or (PREMIUM,)), **options)


def clocks(case: Case, agreement: str = "premium") -> dict[str, Run]:
    """The last clock of each kind of an agreement."""
    return {run.kind.value: run for run in case.runs if run.agreement == agreement}


def folded(*steps: tuple[timedelta, dict[str, Any]], agreements: Agreements | None = None) -> Case:
    return fold("INC0000001", make_history(*steps), agreements or make_both())[0]


def facts(*steps: tuple[timedelta, dict[str, Any]], agreements: Agreements | None = None) -> list[tuple[str, str]]:
    """What is told of the resolution clock of the further agreement."""
    _, moments = fold("INC0000001", make_history(*steps), agreements or make_both())
    mine = [one for one in moments if one.run.identity == ("premium", Kind.RESOLUTION, None)]
    return [(one.event.type.removeprefix("sla."), str(one.event.change.get("reason", ""))) for one in mine]


def alone(agreements: Agreements, name: str) -> Agreements:
    """One of the agreements as the only one."""
    return replace(agreements.of(name), name=MAIN, further=())


SETTINGS = settings(max_examples=DOSE, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(two())
@SETTINGS
def test_each_of_two_agreements_has_the_clocks_and_the_facts_that_it_would_have_alone(
    given_: tuple[World, Agreements],
) -> None:
    world, agreements = given_
    case, moments = fold("INC0000001", world.entries, agreements)
    for name in (MAIN, "premium"):
        only, told = fold("INC0000001", world.entries, alone(agreements, name))
        assert [replace(run, agreement=MAIN) for run in case.runs if run.agreement == name] == list(only.runs)
        mine = [replace(one, run=replace(one.run, agreement=MAIN)) for one in moments if one.run.agreement == name]
        assert mine == list(told)


@given(comes_and_goes())
@SETTINGS
def test_folding_entry_by_entry_equals_folding_the_whole_history_whatever_comes_to_hold(
    given_: tuple[World, Agreements],
) -> None:
    world, agreements = given_
    whole, facts = fold("INC0000001", world.entries, agreements)
    case, moments = Case(incident="INC0000001"), []
    for entry in world.entries:
        case, more = fold_entry(case, entry, agreements)
        moments += more
    assert (case, moments) == (whole, list(facts))


@given(comes_and_goes())
@SETTINGS
def test_what_comes_and_goes_beside_it_leaves_the_first_agreement_alone(given_: tuple[World, Agreements]) -> None:
    world, agreements = given_
    case, _ = fold("INC0000001", world.entries, agreements)
    only, _ = fold("INC0000001", world.entries, replace(agreements, further=()))
    assert [run for run in case.runs if run.agreement == MAIN] == list(only.runs)


@given(comes_and_goes())
@SETTINGS
def test_an_open_clock_of_a_further_agreement_is_one_for_whose_incident_a_rule_holds(
    given_: tuple[World, Agreements],
) -> None:
    world, agreements = given_
    case, _ = fold("INC0000001", world.entries, agreements)
    assert case.latest is not None
    first = case.run(Kind.RESOLUTION)
    assert first is not None
    holds = agreements.of("premium").terms(case.latest.basis, first.began_at).hold
    mine = clocks(case)
    assert holds or not any(run.is_open for run in mine.values())
    resolution = mine.get("resolution")
    if holds and first.is_open:
        assert resolution is not None
        assert resolution.spans == first.spans


def test_an_agreement_that_does_not_take_the_incident_has_no_clock_of_it() -> None:
    assert clocks(folded((0 * HOUR, P3), (HOUR, WORK))) == {}


def test_an_agreement_that_comes_to_hold_counts_from_the_beginning_of_the_record() -> None:
    case = folded((0 * HOUR, P3), (HOUR, P1))
    run = clocks(case)["resolution"]
    terms = terms_of(run, make_both())
    assert run.since == MONDAY
    assert elapsed(run, run.at, terms) == HOUR
    assert due_at(run, terms) == MONDAY + 3 * HOUR
    assert facts((0 * HOUR, P3), (HOUR, P1)) == [("started", "")]


def test_what_had_run_out_before_an_agreement_held_is_passed_when_it_comes() -> None:
    steps = ((0 * HOUR, P3), (5 * HOUR, P1))
    run, passed = advance(clocks(folded(*steps))["resolution"], MONDAY + 6 * HOUR, make_both())
    assert run.breached_at == MONDAY + 5 * HOUR
    assert [(one.event.type, one.event.at) for one in passed] == [
        ("sla.warned", MONDAY + 5 * HOUR),
        ("sla.breached", MONDAY + 5 * HOUR),
    ]


def test_a_response_that_was_given_before_the_agreement_held_has_no_clock() -> None:
    answered = {**WORK, "accepted": True}
    assert list(clocks(folded((0 * HOUR, P3), (HOUR, answered), (2 * HOUR, P1)))) == ["resolution"]


def test_an_agreement_that_comes_while_the_incident_waits_has_a_clock_that_stands() -> None:
    waits = {"state": "waiting", "waiting_reason": "user"}
    steps = ((0 * HOUR, P3), (HOUR, waits), (2 * HOUR, P1))
    run = clocks(folded(*steps))["resolution"]
    assert state_of(run, terms_of(run, make_both())) is ClockState.PAUSED
    assert facts(*steps) == [("started", "")]


def test_an_agreement_that_ceases_to_hold_ends_its_clocks_without_a_verdict() -> None:
    case = folded((0 * HOUR, P1), (MINUTE, P3))
    for run in clocks(case).values():
        assert state_of(run, terms_of(run, make_both())) is ClockState.CANCELLED
        assert run.spans[-1].reason == NOT_AGREED
    assert facts((0 * HOUR, P1), (MINUTE, P3)) == [("started", ""), ("cancelled", NOT_AGREED)]


def test_an_agreement_that_holds_again_counts_the_time_between_as_well() -> None:
    steps = ((0 * HOUR, P1), (MINUTE, P3), (HOUR, P1))
    run = clocks(folded(*steps))["resolution"]
    assert elapsed(run, run.at, terms_of(run, make_both())) == HOUR
    assert facts(*steps) == [("started", ""), ("cancelled", NOT_AGREED), ("resumed", "agreed-again")]


def test_what_was_solved_while_nothing_was_agreed_stays_without_a_verdict() -> None:
    steps = ((0 * HOUR, P1), (MINUTE, P3), (HOUR, {"state": "resolved"}), (2 * HOUR, P1))
    assert facts(*steps) == [("started", ""), ("cancelled", NOT_AGREED)]


def test_a_record_that_was_reopened_while_nothing_was_agreed_goes_on_when_it_is_again() -> None:
    steps = (
        (0 * HOUR, P1),
        (HOUR, {"state": "resolved"}),
        (2 * HOUR, P3),
        (3 * HOUR, WORK),
        (4 * HOUR, P1),
    )
    case = folded(*steps)
    run = clocks(case)["resolution"]
    assert elapsed(run, run.at, terms_of(run, make_both())) == 2 * HOUR
    assert facts(*steps) == [("started", ""), ("met", "resolved"), ("resumed", "agreed-again")]


def test_under_a_policy_that_starts_anew_what_comes_late_counts_from_the_last_reopening() -> None:
    rule = make_rule(make_policy(name="premium", on_reopen=OnReopen.RESTART), priority="P1")
    steps = ((0 * HOUR, P3), (HOUR, {"state": "resolved"}), (2 * HOUR, WORK), (3 * HOUR, P1))
    run = clocks(folded(*steps, agreements=make_both(rule)))["resolution"]
    assert run.since == MONDAY + 2 * HOUR


def test_a_breached_clock_that_is_agreed_again_passes_nothing_while_nothing_was_agreed() -> None:
    policy = make_policy(name="premium", resolution=3 * HOUR, thresholds=(HOUR,))
    agreements = make_both(make_rule(policy, priority="P1"))
    steps = ((0 * HOUR, P1), (3.5 * HOUR, P3), (6 * HOUR, P1), (7 * HOUR, {**P1, "state": "resolved"}))
    _, moments = fold("INC0000001", make_history(*steps), agreements)
    mine = [one.event for one in moments if one.run.identity == ("premium", Kind.RESOLUTION, None)]
    assert [one.at for one in mine if one.type == "sla.passed"] == [MONDAY + 6 * HOUR]


def test_a_breach_stands_when_the_agreement_ceases_and_when_it_holds_again() -> None:
    steps = ((0 * HOUR, P1), (4 * HOUR, P3), (5 * HOUR, P1))
    run = clocks(folded(*steps))["resolution"]
    assert run.breached_at == MONDAY + 3 * HOUR
    assert state_of(run, terms_of(run, make_both())) is ClockState.BREACHED
    assert facts(*steps) == [
        ("started", ""),
        ("warned", ""),
        ("breached", ""),
        ("ended", "no-longer-agreed"),
        ("resumed", "agreed-again"),
    ]


def test_a_spell_that_ended_with_its_agreement_does_not_come_back() -> None:
    rule = make_rule(make_policy(name="premium", others={Kind.ASSIGNMENT: HOUR}), priority="P1")
    team = {"team": "desk", "state": "assigned"}
    steps = ((0 * HOUR, {**P1, **team}), (MINUTE, P3), (2 * MINUTE, P1), (3 * MINUTE, {"team": "payroll"}))
    case = folded(*steps, agreements=make_both(rule))
    spells = [(run.party, run.spans[-1].reason) for run in case.runs if run.kind is Kind.ASSIGNMENT]
    assert spells == [("desk", NOT_AGREED), ("payroll", "")]


def test_a_policy_of_a_further_agreement_may_have_any_target_alone() -> None:
    rule = make_rule(make_policy(name="premium", response=None))
    assert list(clocks(folded((0 * HOUR, P3), agreements=make_both(rule)))) == ["resolution"]


def test_a_further_agreement_in_versions_leaves_records_alone_that_are_older_than_the_first() -> None:
    rule = make_rule(make_policy(name="premium"))
    later = make_both(rule, effective_from=MONDAY + MINUTE)
    assert clocks(folded((0 * HOUR, P3), agreements=later)) == {}
    assert clocks(folded((0 * HOUR, P3), agreements=make_both(rule, effective_from=MONDAY))) != {}


@pytest.mark.parametrize("change", [{"internal": True}, {"name": "gold"}])
def test_the_edition_tells_further_agreements_apart(change: dict[str, Any]) -> None:
    one = make_both()
    other = replace(one, further=tuple(replace(each, **change) for each in one.further))
    assert len({one.edition, other.edition, make_agreements().edition}) == 3
