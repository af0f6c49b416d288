"""The life of a problem."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.problem import events
from services.problem.domain import lifecycle
from services.problem.domain.problem import INCIDENTS_KEPT, Action, Link, LinkKind, Problem, State
from services.problem.domain.transitions import STARTS, TRANSITIONS
from shared.errors import Invalid, NotAllowed
from tests.unit.problem.factories import NOW, make_problem

LINK = Link(kind=LinkKind.CHANGE, number="CHG0000001")
VERBS: dict[Action, Any] = {
    Action.ACCEPT: lambda problem, text, now: lifecycle.accept(problem, now=now),
    Action.LINK: lambda problem, text, now: lifecycle.link(
        problem, Link(kind=LinkKind.CHANGE, number=text or "CHG0000009"), now=now
    ),
    Action.DIAGNOSE: lambda problem, text, now: lifecycle.diagnose(problem, root_cause=text, now=now),
    Action.WORKAROUND: lambda problem, text, now: lifecycle.record_workaround(problem, workaround=text, now=now),
    Action.RESOLVE: lambda problem, text, now: lifecycle.resolve(problem, text=text, now=now),
    Action.REOPEN: lambda problem, text, now: lifecycle.reopen(problem, reason=text, now=now),
    Action.CLOSE: lambda problem, text, now: lifecycle.close(problem, now=now),
    Action.REJECT: lambda problem, text, now: lifecycle.reject(problem, reason=text, now=now),
}


def make_known_error() -> Problem:
    problem, _ = lifecycle.diagnose(make_problem(), root_cause="a leak", now=NOW)
    problem, _ = lifecycle.record_workaround(problem, workaround="restart it", now=NOW)
    return problem


@given(
    st.lists(st.tuples(st.sampled_from(list(VERBS)), st.sampled_from(["", " ", "because", "otherwise"])), max_size=30)
)
def test_every_walk_keeps_to_the_table(walk: list[tuple[Action, str]]) -> None:
    problem, happened = lifecycle.open(title="Payments fail", now=NOW)
    version = len(happened)
    for minutes, (action, text) in enumerate(walk):
        now = NOW + timedelta(minutes=minutes)
        transition = TRANSITIONS.get((problem.state, action))
        try:
            after, happened = VERBS[action](problem, text, now)
        except NotAllowed:
            assert transition is None
            continue
        except Invalid:
            assert transition is not None
            assert transition.required
            assert not text.strip()
            continue
        version += len(happened)
        assert len(happened) <= 1
        if happened:
            assert transition is not None
            assert after.state in {transition.to, transition.known}
            assert [event.type for event in happened] == [transition.event]
        else:
            assert after == problem
        assert (after.state is State.RESOLVED) <= (after.resolved_at is not None)
        assert (after.state is State.KNOWN_ERROR) <= bool(after.root_cause and after.workaround)
        assert (after.state is State.CLOSED) == (after.closed_at is not None)
        problem = after
    assert version >= 1


def test_every_event_that_the_tables_name_is_published() -> None:
    steps = [*TRANSITIONS.values(), *STARTS.values()]
    assert {step.event for step in steps} == set(events.PUBLISHES)


def test_a_closed_problem_takes_nothing_but_links() -> None:
    assert [action for state, action in TRANSITIONS if state is State.CLOSED] == [Action.LINK]


def test_root_cause_and_workaround_together_make_a_known_error() -> None:
    problem, _ = lifecycle.record_workaround(make_problem(), workaround="restart it", now=NOW)
    assert problem.state is State.OPEN
    problem, (event,) = lifecycle.diagnose(problem, root_cause="a leak", now=NOW)
    assert problem.state is State.KNOWN_ERROR
    assert event.change == {"root_cause": "a leak", "state_from": "open", "state_to": "known_error"}


def test_a_reopened_known_error_is_a_known_error_again() -> None:
    problem, _ = lifecycle.resolve(make_known_error(), text="patched", now=NOW)
    problem, _ = lifecycle.reopen(problem, reason="it leaks again", now=NOW)
    assert problem.state is State.KNOWN_ERROR
    assert problem.resolved_at is None


def test_resolving_says_what_the_incidents_need() -> None:
    problem, _ = lifecycle.join(make_problem(), ["INC0000001", "INC0000002"], now=NOW)
    _, (event,) = lifecycle.resolve(problem, text="patched", resolve_incidents=True, now=NOW)
    assert event.type == "problem.resolved"
    assert event.change["incidents"] == ["INC0000001", "INC0000002"]
    assert event.change["resolve"] is True
    assert event.change["text"] == "patched"


def test_linking_the_same_record_twice_changes_nothing() -> None:
    problem, _ = lifecycle.link(make_problem(), LINK, now=NOW)
    assert lifecycle.link(problem, LINK, now=NOW) == (problem, ())


def test_an_incident_joins_once_and_makes_the_problem_as_urgent_as_itself() -> None:
    problem, _ = lifecycle.join(make_problem(), ["INC0000001"], priority="P1", now=NOW)
    again, happened = lifecycle.join(problem, ["INC0000001"], priority="P1", now=NOW)
    assert (problem.priority, problem.incidents, problem.incident_count) == ("P1", ("INC0000001",), 1)
    assert (again, happened) == (problem, ())


def test_the_list_of_incidents_is_bounded_and_the_count_is_not() -> None:
    numbers = [f"INC{number:07d}" for number in range(INCIDENTS_KEPT + 10)]
    problem, _ = lifecycle.join(make_problem(), numbers, now=NOW)
    assert problem.incidents == tuple(numbers[10:])
    assert problem.incident_count == INCIDENTS_KEPT + 10


def test_a_rejection_without_a_reason_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        lifecycle.reject(make_problem(), reason=" ", now=NOW)
    assert caught.value.pointer == "/args/reason"
