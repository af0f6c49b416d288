"""The life of a change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.change import events
from services.change.domain import lifecycle
from services.change.domain.change import Action, Change, Decision, Degree, Kind, Link, LinkKind, Result, State
from services.change.domain.transitions import STARTS, TRANSITIONS, Guard
from shared.errors import Forbidden, Invalid, NotAllowed
from tests.unit.change.factories import NOW, TEMPLATES, make_approved, make_change, make_deployment

PEOPLE = ["alice", "bob"]


def deploy(change: Change, by: str, text: str, now: Any) -> Any:
    deployment = make_deployment(id=f"{now.timestamp()}", at=now)
    return lifecycle.record_deployment(change, deployment, reason="named")


VERBS: dict[Action, Any] = {
    Action.ASSESS: lambda change, by, text, now: lifecycle.assess(change, risk=Degree.LOW, impact=Degree.HIGH, now=now),
    Action.APPROVE: lambda change, by, text, now: lifecycle.approve(change, by=by, now=now),
    Action.REJECT: lambda change, by, text, now: lifecycle.reject(change, by=by, reason=text, now=now),
    Action.SCHEDULE: lambda change, by, text, now: lifecycle.schedule(
        change, start_at=now, end_at=now + timedelta(hours=len(text)), now=now
    ),
    Action.IMPLEMENT: lambda change, by, text, now: lifecycle.implement(change, now=now),
    Action.COMPLETE: lambda change, by, text, now: lifecycle.complete(change, now=now),
    Action.REVIEW: lambda change, by, text, now: lifecycle.review(change, outcome=Result.SUCCESSFUL, now=now),
    Action.CLOSE: lambda change, by, text, now: lifecycle.close(change, now=now),
    Action.CANCEL: lambda change, by, text, now: lifecycle.cancel(change, reason=text, now=now),
    Action.LINK: lambda change, by, text, now: lifecycle.link(
        change, Link(kind=LinkKind.PROBLEM, number=f"PRB{len(text)}"), now=now
    ),
    Action.DEPLOY: deploy,
}
KINDS = [Kind.NORMAL, Kind.EMERGENCY, Kind.STANDARD, Kind.UNAUTHORISED]


def begin(kind: Kind) -> Any:
    if kind is Kind.UNAUTHORISED:
        return lifecycle.discover(make_deployment(), reason="no_candidate", now=NOW)
    template = TEMPLATES["restart"] if kind is Kind.STANDARD else None
    return lifecycle.request(
        kind=kind, title="Restart", requester="alice", service="payments", template=template, now=NOW
    )


steps = st.tuples(st.sampled_from(list(VERBS)), st.sampled_from(PEOPLE), st.sampled_from(["", "why", "because"]))


@given(st.sampled_from(KINDS), st.lists(steps, max_size=40))
def test_every_walk_keeps_to_the_table(kind: Kind, walk: list[tuple[Action, str, str]]) -> None:
    change, happened = begin(kind)
    version = len(happened)
    for minutes, (action, by, text) in enumerate(walk):
        now = NOW + timedelta(minutes=minutes)
        transition = TRANSITIONS.get((change.state, action))
        try:
            after, happened = VERBS[action](change, by, text, now)
        except (NotAllowed, Forbidden, Invalid):
            assert transition is None or transition.guards or transition.required
            continue
        version += len(happened)
        if not happened:
            assert after == change
            continue
        assert transition is not None
        assert (after.state, [event.type for event in happened]) == (transition.to, [transition.event])
        assert_holds(after)
        change = after
    assert version >= 1


def assert_holds(change: Change) -> None:
    made = change.state in {State.IMPLEMENTED, State.REVIEWED, State.CLOSED}
    approvers = {one.by for one in change.approvals if one.decision is Decision.APPROVED}
    if change.state in {State.APPROVED, State.SCHEDULED, State.IMPLEMENTING} or (
        made and change.kind is not Kind.UNAUTHORISED
    ):
        assert approvers
    assert change.requester not in approvers
    assert (change.state is State.CLOSED) == (change.closed_at is not None)
    if change.state in {State.REVIEWED, State.CLOSED}:
        assert change.outcome is not None
    if change.start_at is not None and change.end_at is not None:
        assert change.start_at < change.end_at


@given(st.sampled_from(KINDS), st.lists(steps, max_size=40))
def test_nothing_leaves_a_finished_state(kind: Kind, walk: list[tuple[Action, str, str]]) -> None:
    change, _ = begin(kind)
    finished = {State.CLOSED, State.CANCELLED, State.REJECTED}
    for minutes, (action, by, text) in enumerate(walk):
        before = change.state
        try:
            change, _ = VERBS[action](change, by, text, NOW + timedelta(minutes=minutes))
        except (NotAllowed, Forbidden, Invalid):
            continue
        assert before not in finished or change.state is before


def test_every_event_that_the_tables_name_is_published() -> None:
    assert {step.event for step in [*TRANSITIONS.values(), *STARTS.values()]} == set(events.PUBLISHES)


def test_every_approval_by_a_person_is_guarded_against_the_requester() -> None:
    approvals = [step for (_, action), step in TRANSITIONS.items() if action is Action.APPROVE]
    assert approvals
    assert all(Guard.BY_ANOTHER in step.guards for step in approvals)


def test_a_requester_cannot_approve_the_own_change() -> None:
    change, _ = lifecycle.assess(make_change(), risk=Degree.LOW, impact=Degree.LOW, now=NOW)
    with pytest.raises(Forbidden) as caught:
        lifecycle.approve(change, by="alice", now=NOW)
    assert caught.value.slug == "own-change"


def test_a_normal_change_is_not_approved_before_it_is_assessed() -> None:
    with pytest.raises(NotAllowed):
        lifecycle.approve(make_change(), by="bob", now=NOW)


def test_an_emergency_is_approved_at_once_and_begun_without_a_window() -> None:
    change, _ = lifecycle.approve(make_change(kind=Kind.EMERGENCY), by="bob", now=NOW)
    change, _ = lifecycle.implement(change, now=NOW)
    assert change.state is State.IMPLEMENTING


def test_a_standard_change_is_approved_by_its_template() -> None:
    change, happened = begin(Kind.STANDARD)
    assert [event.type for event in happened] == ["change.requested", "change.approved"]
    assert (change.state, change.risk, change.template) == (State.APPROVED, Degree.LOW, "restart")
    assert change.approvals[0].by == "change-board"


@pytest.mark.parametrize(
    ("overrides", "pointer"),
    [
        ({"kind": Kind.STANDARD}, "/args/template"),
        ({"template": TEMPLATES["restart"]}, "/args/template"),
        ({"kind": Kind.STANDARD, "template": TEMPLATES["restart"], "service": "search"}, "/args/template"),
        ({"kind": Kind.UNAUTHORISED}, "/args/kind"),
        ({"service": None}, "/args/service"),
        ({"priority": "P9"}, "/args/priority"),
        ({"title": " "}, "/args/title"),
    ],
)
def test_a_request_that_does_not_fit_together_is_refused(overrides: dict[str, Any], pointer: str) -> None:
    fields = {"kind": Kind.NORMAL, "title": "Restart", "requester": "alice", "service": "payments", "now": NOW}
    with pytest.raises(Invalid) as caught:
        lifecycle.request(**{**fields, **overrides})
    assert caught.value.pointer == pointer


def test_a_window_that_ends_as_it_starts_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        lifecycle.schedule(make_approved(), start_at=NOW, end_at=NOW, now=NOW)
    assert caught.value.pointer == "/args/end_at"


def test_a_normal_change_is_not_begun_before_it_is_scheduled() -> None:
    with pytest.raises(NotAllowed):
        lifecycle.implement(make_approved(), now=NOW)


def test_linking_the_same_record_twice_changes_nothing() -> None:
    link = Link(kind=LinkKind.PROBLEM, number="PRB0000001")
    change, _ = lifecycle.link(make_change(), link, now=NOW)
    assert lifecycle.link(change, link, now=NOW) == (change, ())
