from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.sla.domain.case import Case, fold, fold_entry
from services.sla.domain.clock import Moment, advance
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements, Kind, OnReopen, StopsAt
from services.sla.domain.run import Run, due_at, elapsed, state_of, terms_of
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    MONDAY,
    make_agreements,
    make_calendar,
    make_history,
    make_policy,
    terms_for,
)

WAITING = {"state": "waiting", "waiting_reason": "user"}
WORKING = {"state": "in_progress", "waiting_reason": None}
START: tuple[timedelta, dict[str, Any]] = (0 * HOUR, {})


def told(moments: tuple[Moment, ...], kind: Kind = Kind.RESOLUTION) -> list[tuple[str, float]]:
    """The facts of one clock: the last word of the type, and the hours since the start."""
    mine = [moment.event for moment in moments if moment.run.kind is kind]
    return [(event.type.removeprefix("sla."), (event.at - MONDAY) / HOUR) for event in mine]


def folded(*steps: tuple[timedelta, dict[str, Any]], agreements: Agreements | None = None) -> tuple[Case, Any]:
    return fold("INC0000001", make_history(START, *steps), agreements or make_agreements())


def run_of(case: Case, kind: Kind = Kind.RESOLUTION) -> Run:
    run = case.run(kind)
    assert run is not None
    return run


def test_a_clock_starts_with_the_first_event_and_is_met_by_the_solution() -> None:
    _, moments = folded((1 * HOUR, {"state": "resolved"}))
    assert told(moments) == [("started", 0), ("met", 1)]


def test_a_warning_and_a_breach_have_the_instants_at_which_they_were_due() -> None:
    _, moments = folded((10 * HOUR, {"state": "resolved"}))
    assert told(moments) == [("started", 0), ("warned", 2), ("breached", 4), ("ended", 10)]


def test_a_solution_at_the_very_due_instant_is_in_time() -> None:
    _, moments = folded((4 * HOUR, {"state": "resolved"}))
    assert told(moments)[-1] == ("met", 4)


def test_a_solution_a_millisecond_late_is_late() -> None:
    _, moments = folded((4 * HOUR + timedelta(milliseconds=1), {"state": "resolved"}))
    assert told(moments)[-2] == ("breached", 4)
    assert told(moments)[-1][0] == "ended"


def test_waiting_for_a_reason_that_pauses_does_not_count() -> None:
    case, moments = folded((1 * HOUR, WAITING), (21 * HOUR, WORKING), (22 * HOUR, {"state": "resolved"}))
    assert told(moments) == [("started", 0), ("paused", 1), ("resumed", 21), ("met", 22)]
    run = run_of(case)
    assert elapsed(run, run.at, terms_for(make_agreements(), "P3")) == 2 * HOUR


def test_waiting_for_a_reason_that_does_not_pause_counts() -> None:
    _, moments = folded((1 * HOUR, {"state": "waiting", "waiting_reason": "vendor"}), (9 * HOUR, WORKING))
    assert told(moments) == [("started", 0), ("warned", 2), ("breached", 4)]


def test_a_restricted_incident_waits_for_a_hidden_reason() -> None:
    agreements = make_agreements({"P3": make_policy(pauses=frozenset({"hidden"}))})
    _, moments = folded((1 * HOUR, {"state": "waiting", "waiting_reason": None}), agreements=agreements)
    assert told(moments)[-1] == ("paused", 1)


def test_a_pause_moves_the_due_instant_by_its_length() -> None:
    case, _ = folded((1 * HOUR, WAITING), (3 * HOUR, WORKING))
    assert due_at(run_of(case), terms_for(make_agreements(), "P3")) == MONDAY + 6 * HOUR


def test_a_clock_that_stands_has_no_due_instant() -> None:
    case, _ = folded((1 * HOUR, WAITING))
    assert due_at(run_of(case), terms_for(make_agreements(), "P3")) is None


@pytest.mark.parametrize(
    ("stops_at", "facts", "met"),
    [
        (StopsAt.EITHER, ({"replied": True}, {"accepted": True}), 10),
        (StopsAt.EITHER, ({"accepted": True}, {"replied": True}), 10),
        (StopsAt.ACCEPT, ({"replied": True}, {"accepted": True}), 20),
        (StopsAt.REPLY, ({"accepted": True}, {"replied": True}), 20),
        (StopsAt.REPLY, ({"accepted": True}, {"state": "resolved"}), 20),
    ],
)
def test_the_policy_says_what_stops_the_response_clock(
    stops_at: StopsAt, facts: tuple[dict[str, Any], dict[str, Any]], met: int
) -> None:
    agreements = make_agreements({"P3": make_policy(response_stops_at=stops_at)})
    _, moments = folded((10 * MINUTE, facts[0]), (20 * MINUTE, facts[1]), agreements=agreements)
    assert told(moments, Kind.RESPONSE)[-1] == ("met", pytest.approx(met / 60))


def test_a_response_clock_stops_once_and_for_all() -> None:
    steps = ((10 * MINUTE, {"accepted": True}), (1 * HOUR, {"state": "resolved"}), (2 * HOUR, WORKING))
    _, moments = folded(*steps)
    assert [name for name, _ in told(moments, Kind.RESPONSE)] == ["started", "met"]


def test_a_reopened_incident_goes_on_with_its_clock_and_the_time_between_does_not_count() -> None:
    steps = ((1 * HOUR, {"state": "resolved"}), (50 * HOUR, {"state": "closed"}), (100 * HOUR, WORKING))
    case, moments = folded(*steps)
    assert told(moments) == [("started", 0), ("met", 1), ("resumed", 100)]
    assert due_at(run_of(case), terms_for(make_agreements(), "P3")) == MONDAY + 103 * HOUR


def test_a_policy_may_start_a_reopened_clock_anew() -> None:
    agreements = make_agreements({"P3": make_policy(on_reopen=OnReopen.RESTART)})
    steps = ((3 * HOUR, {"state": "resolved"}), (100 * HOUR, WORKING), (110 * HOUR, {}))
    case, moments = folded(*steps, agreements=agreements)
    assert told(moments) == [
        ("started", 0),
        ("warned", 2),
        ("met", 3),
        ("resumed", 100),
        ("warned", 102),
        ("breached", 104),
    ]
    assert elapsed(run_of(case), run_of(case).at, terms_for(agreements)) == 10 * HOUR
    resumed = next(one.event for one in moments if one.event.type == "sla.resumed")
    assert resumed.change == {"reason": "reopened", "restarted": True}


def test_a_breach_stands_though_the_policy_starts_reopened_clocks_anew() -> None:
    agreements = make_agreements({"P3": make_policy(on_reopen=OnReopen.RESTART)})
    _, moments = folded((5 * HOUR, {"state": "resolved"}), (6 * HOUR, WORKING), agreements=agreements)
    assert told(moments)[-3:] == [("breached", 4), ("ended", 5), ("resumed", 6)]


def test_the_policy_in_force_at_the_reopening_says_whether_the_clock_starts_anew() -> None:
    agreements = make_agreements({"P2": make_policy(name="high", on_reopen=OnReopen.RESTART)})
    steps = ((3 * HOUR, {"state": "resolved"}), (100 * HOUR, {**WORKING, "priority": "P2"}))
    case, _ = folded(*steps, agreements=agreements)
    assert due_at(run_of(case), terms_for(agreements, "P2")) == MONDAY + 104 * HOUR


def test_a_cancelled_incident_cancels_its_clocks() -> None:
    _, moments = folded((1 * HOUR, WAITING), (2 * HOUR, {"state": "cancelled"}))
    assert told(moments) == [("started", 0), ("paused", 1), ("cancelled", 2)]


@pytest.mark.parametrize("state", ["resolved", "cancelled"])
def test_a_breach_stands_whatever_comes_later(state: str) -> None:
    steps = ((5 * HOUR, {"state": state}), (6 * HOUR, WORKING), (7 * HOUR, {"priority": "P4"}))
    case, moments = folded(*steps)
    assert told(moments)[-3:] == [("breached", 4), ("ended", 5), ("resumed", 6)]
    assert run_of(case).priority == "P3"


def test_a_verdict_that_was_met_stands_when_the_incident_is_cancelled() -> None:
    _, moments = folded((1 * HOUR, {"state": "resolved"}), (2 * HOUR, {"state": "cancelled"}))
    assert told(moments)[-1] == ("met", 1)


def test_a_change_of_priority_recomputes_without_losing_a_pause() -> None:
    steps = ((10 * MINUTE, WAITING), (10 * HOUR, WORKING), (11 * HOUR, {"priority": "P4"}))
    agreements = make_agreements({"P4": make_policy(name="low", resolution=10 * HOUR, thresholds=())})
    case, moments = folded(*steps, agreements=agreements)
    assert told(moments)[-1] == ("recomputed", 11)
    run = run_of(case)
    assert elapsed(run, run.at, terms_for(agreements, "P4")) == HOUR + 10 * MINUTE
    assert due_at(run, terms_for(agreements, "P4")) == MONDAY + 20 * HOUR - 10 * MINUTE


def test_a_priority_with_another_calendar_measures_the_whole_history_by_it() -> None:
    calendars = {"office": make_calendar("10:00-12:00")}
    agreements = make_agreements({"P4": make_policy(calendar="office", resolution=3 * HOUR)}, calendars)
    case, _ = folded((3 * HOUR, {"priority": "P4"}), agreements=agreements)
    assert due_at(run_of(case), terms_for(agreements, "P4")) == MONDAY + 26 * HOUR


def test_a_target_that_shrinks_under_what_is_gone_is_breached_when_the_priority_came() -> None:
    _, moments = folded((90 * MINUTE, {"priority": "P1"}), (2 * HOUR, {}))
    assert told(moments) == [("started", 0), ("recomputed", 1.5), ("warned", 1.5), ("breached", 1.5)]


def test_a_threshold_is_passed_once_however_the_target_moves() -> None:
    steps = ((150 * MINUTE, {"priority": "P4"}), (11 * HOUR, {}))
    agreements = make_agreements({"P4": make_policy(name="low", resolution=10 * HOUR)})
    _, moments = folded(*steps, agreements=agreements)
    assert told(moments) == [("started", 0), ("warned", 2), ("recomputed", 2.5), ("breached", 10)]


def test_a_clock_that_ended_takes_the_priority_of_what_sets_it_going_again() -> None:
    agreements = make_agreements({"P4": make_policy(name="low", resolution=10 * HOUR)})
    solved = (1 * HOUR, {"state": "resolved"})
    kept, _ = folded(solved, (2 * HOUR, {"priority": "P4"}), agreements=agreements)
    taken, _ = folded(solved, (2 * HOUR, {"priority": "P4"}), (3 * HOUR, WORKING), agreements=agreements)
    assert (run_of(kept).priority, run_of(taken).priority) == ("P3", "P4")


def test_a_hundred_changes_of_priority_leave_nothing_behind() -> None:
    steps = [
        (hour * MINUTE, {"priority": f"P{2 + (hour + 1) % 3}", **(WAITING if hour % 2 else WORKING)})
        for hour in range(1, 101)
    ]
    agreements = make_agreements({"P4": make_policy(name="low", resolution=40 * HOUR)})
    case, moments = folded(*steps, agreements=agreements)
    run = run_of(case)
    assert elapsed(run, run.at, terms_for(agreements, run.priority)) == 50 * MINUTE
    assert [name for name, _ in told(moments)].count("recomputed") == 100
    steady, _ = folded(*[(at, {**step, "priority": run.priority}) for at, step in steps], agreements=agreements)
    terms = terms_for(agreements, run.priority)
    assert due_at(run, terms) == due_at(run_of(steady), terms)


def test_a_hundred_changes_of_priority_folded_one_by_one_equal_the_fold_from_scratch() -> None:
    steps = [
        (minute * 7 * MINUTE, {"priority": f"P{1 + minute * 7 % 4}", **(WAITING if minute % 3 else WORKING)})
        for minute in range(1, 101)
    ]
    agreements = make_agreements({"P1": make_policy(name="critical", resolution=20 * HOUR)})
    history = make_history(START, *steps)
    case, moments = Case(incident="INC0000001"), list[Moment]()
    for entry in history:
        case, new = fold_entry(case, entry, agreements)
        moments += new
    assert (case, tuple(moments)) == fold("INC0000001", history, agreements)
    counted = sum(1 for minute in range(101) if minute % 3 == 0)
    assert elapsed(run_of(case), run_of(case).at, terms_of(run_of(case), agreements)) == counted * 7 * MINUTE


def test_a_policy_that_does_not_pause_for_the_reason_sets_a_standing_clock_going() -> None:
    agreements = make_agreements({"P2": make_policy(name="high", pauses=frozenset())})
    case, moments = folded((1 * HOUR, WAITING), (2 * HOUR, {"priority": "P2"}), agreements=agreements)
    assert told(moments) == [("started", 0), ("paused", 1), ("recomputed", 2), ("resumed", 2)]
    assert due_at(run_of(case), terms_for(agreements, "P2")) == MONDAY + 4 * HOUR


@pytest.mark.parametrize(
    ("by_p3", "by_p1", "then", "last"),
    [("vendor", "user", WORKING, "resumed"), ("user", "vendor", {**WAITING, "waiting_reason": "vendor"}, "paused")],
)
def test_what_a_clock_does_is_told_when_one_event_brings_a_new_policy_and_a_turn(
    by_p3: str, by_p1: str, then: dict[str, Any], last: str
) -> None:
    one, other = (make_policy(name=name, pauses=frozenset({name})) for name in (by_p3, by_p1))
    steps = ((1 * HOUR, WAITING), (1.5 * HOUR, {**then, "priority": "P1"}))
    _, moments = folded(*steps, agreements=make_agreements({"P3": one, "P1": other}))
    assert told(moments)[-2:] == [("recomputed", 1.5), (last, 1.5)]


def test_an_entry_that_says_it_is_older_than_the_last_counts_as_at_the_last() -> None:
    _, moments = folded((1 * HOUR, WAITING), (30 * MINUTE, WORKING))
    assert told(moments) == [("started", 0), ("paused", 1), ("resumed", 1)]


def test_an_incident_that_comes_resolved_is_met_at_once() -> None:
    _, moments = fold("INC0000001", make_history((0 * HOUR, {"state": "resolved"})), make_agreements())
    assert told(moments) == [("started", 0), ("met", 0)]


def test_an_incident_that_comes_waiting_starts_with_a_pause() -> None:
    case, moments = fold("INC0000001", make_history((0 * HOUR, WAITING)), make_agreements())
    assert told(moments) == [("started", 0), ("paused", 0)]
    assert state_of(run_of(case), terms_for(make_agreements(), "P3")) == "paused"


def test_time_alone_passes_thresholds_and_changes_nothing_else() -> None:
    case, _ = folded()
    later, moments = advance(run_of(case), MONDAY + 3 * HOUR, make_agreements())
    assert told(moments) == [("warned", 2)]
    assert (later.spans, later.at) == (run_of(case).spans, MONDAY)


def test_a_calendar_that_never_opens_again_makes_nothing_due() -> None:
    closed = dict.fromkeys(((MONDAY + timedelta(days=day)).date() for day in range(4000)), "a holiday")
    agreements = make_agreements(calendars={"always": make_calendar(holidays=closed)})
    case, moments = folded((1 * HOUR, {}), agreements=agreements)
    assert told(moments) == [("started", 0)]
    assert due_at(run_of(case), terms_for(agreements, "P3")) is None


def test_versions_keep_what_a_restricted_one_does_not_repeat() -> None:
    history = make_history(START, (1 * MINUTE, {"accepted": True}), (2 * MINUTE, {"accepted": False}))
    agreements = make_agreements({"P3": make_policy(response_stops_at=StopsAt.REPLY)})
    case, _ = fold("INC0000001", history, agreements)
    assert isinstance(case.latest, Entry)
    assert case.latest.accepted
