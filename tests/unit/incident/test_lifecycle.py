"""The state table and the rules behind it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incident import events
from services.incident.domain.actions import RULES, Arguments, perform
from services.incident.domain.assignment import Accept, Assign
from services.incident.domain.closure import Cancel, Close, Reopen, Resolve
from services.incident.domain.conversation import AuthorKind, LinkTo, Note, Prioritise, Visibility
from services.incident.domain.levels import HandOver
from services.incident.domain.lifecycle import TABLE, Action, Origin, allowed
from services.incident.domain.record import (
    FINISHED,
    LINKS_SHOWN,
    UNFINISHED,
    Degree,
    Incident,
    LinkKind,
    Priority,
    State,
    WaitingReason,
)
from services.incident.domain.waiting import Resume, Wait
from shared.errors import Invalid, NotAllowed
from tests.unit.incident.factories import LATER, NOW, PRIORITIES, do, make_incident

WAIT = Wait(reason=WaitingReason.USER)


def test_every_action_but_opening_has_a_rule_and_an_entry() -> None:
    assert set(RULES) == set(Action) - {Action.OPEN}
    assert {action for _, action in TABLE} == set(Action)


def test_opening_with_a_team_puts_it_into_the_queue() -> None:
    assert make_incident().state is State.NEW
    assert do(make_incident(), Action.ASSIGN, Assign(team="mail")).state is State.ASSIGNED


@pytest.mark.parametrize("state", UNFINISHED)
def test_an_acceptance_starts_work_and_ends_waiting(state: State) -> None:
    incident = make_incident(state=state, waiting_reason=WaitingReason.USER if state is State.WAITING else None)
    after = do(incident, Action.ACCEPT, Accept(person="bob"))
    assert (after.state, after.waiting_reason, after.person) == (State.IN_PROGRESS, None, "bob")
    assert after.accepted_at == LATER


def test_the_first_acceptance_is_kept() -> None:
    first = do(make_incident(), Action.ACCEPT, Accept(person="bob"))
    second = do(first, Action.ACCEPT, Accept(person="eve"), LATER + timedelta(hours=1))
    assert (second.person, second.accepted_at) == ("eve", LATER)


def test_accepting_what_one_has_changes_nothing() -> None:
    first = do(make_incident(), Action.ACCEPT, Accept(person="bob"))
    again, happened = perform(first, Action.ACCEPT, Accept(person="bob"), LATER, priorities=PRIORITIES)
    assert (again, happened) == (first, ())


def test_assigning_takes_it_out_of_somebodys_hands() -> None:
    incident = make_incident(state=State.IN_PROGRESS, team="desk", person="bob")
    after = do(incident, Action.ASSIGN, Assign(team="mail"))
    assert (after.state, after.team, after.person) == (State.ASSIGNED, "mail", None)


def test_assigning_to_nobody_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        do(make_incident(), Action.ASSIGN, Assign())
    assert refusal.value.pointer == "/args/team"


@pytest.mark.parametrize("summary", [None, "", "  "])
@pytest.mark.parametrize("action", [Action.ESCALATE, Action.HAND_BACK])
def test_a_hand_over_without_a_summary_is_refused(action: Action, summary: str | None) -> None:
    with pytest.raises(Invalid) as refusal:
        do(make_incident(level=2), action, HandOver(summary=summary, team="net"))
    assert refusal.value.pointer == "/args/summary"


@pytest.mark.parametrize(
    ("action", "level"), [(Action.ESCALATE, 2), (Action.ESCALATE, 1), (Action.HAND_BACK, 2), (Action.HAND_BACK, 3)]
)
def test_escalating_goes_up_and_handing_back_goes_down(action: Action, level: int) -> None:
    with pytest.raises(Invalid) as refusal:
        do(make_incident(level=2), action, HandOver(summary="Tried it", level=level))
    assert refusal.value.pointer == "/args/level"


def test_a_hand_over_moves_it_to_the_other_levels_queue() -> None:
    incident = make_incident(state=State.WAITING, waiting_reason=WaitingReason.USER, team="desk", person="bob")
    after, (event,) = perform(
        incident, Action.ESCALATE, HandOver(summary="Beyond us", team="net"), LATER, priorities=PRIORITIES
    )
    assert (after.state, after.level, after.team, after.person) == (State.ASSIGNED, 2, "net", None)
    assert (after.waiting_reason, after.handovers) == (None, 1)
    assert event.type == events.ESCALATED
    assert {**event.change} == {
        "level_from": 1,
        "level_to": 2,
        "team": "net",
        "person": None,
        "summary": "Beyond us",
        "state_from": "waiting",
    }


@pytest.mark.parametrize("action", [Action.ESCALATE, Action.HAND_BACK])
def test_a_hand_over_that_names_nobody_makes_it_new_at_its_level(action: Action) -> None:
    incident = make_incident(state=State.IN_PROGRESS, level=2, team="desk", person="bob")
    after = do(incident, action, HandOver(summary="Beyond us"))
    assert (after.state, after.team, after.person, after.handovers) == (State.NEW, None, None, 1)


def test_a_hand_over_to_a_person_is_assigned_to_them() -> None:
    after = do(make_incident(), Action.ESCALATE, HandOver(summary="Ask Eve", person="eve"))
    assert (after.state, after.team, after.person) == (State.ASSIGNED, None, "eve")


@pytest.mark.parametrize("action", [Action.ESCALATE, Action.HAND_BACK])
@pytest.mark.parametrize("state", [State.RESOLVED, State.CLOSED])
def test_a_finished_record_is_handed_over_in_history_only(state: State, action: Action) -> None:
    finished = make_incident(state=state, level=2, team="desk", person="bob", resolved_at=NOW)
    hand_over = HandOver(summary="For the record")
    assert do(finished, action, hand_over, origin=Origin.HISTORY).state is state
    with pytest.raises(NotAllowed):
        do(finished, action, hand_over)


def test_waiting_needs_a_reason_and_another_reason_is_another_event() -> None:
    with pytest.raises(Invalid):
        do(make_incident(), Action.WAIT, Wait())
    waiting = do(make_incident(), Action.WAIT, WAIT)
    assert do(waiting, Action.WAIT, WAIT) == waiting
    assert do(waiting, Action.WAIT, Wait(reason=WaitingReason.VENDOR)).waiting_reason is WaitingReason.VENDOR


@pytest.mark.parametrize(
    ("held", "state"),
    [
        ({"team": "mail", "person": "bob", "accepted_at": NOW}, State.IN_PROGRESS),
        ({"team": "mail"}, State.ASSIGNED),
        ({}, State.NEW),
    ],
)
def test_going_on_leads_back_to_where_it_stood(held: dict[str, object], state: State) -> None:
    waiting = make_incident(state=State.WAITING, waiting_reason=WaitingReason.USER, **held)
    after = do(waiting, Action.RESUME, Resume())
    assert (after.state, after.waiting_reason) == (state, None)


def test_what_is_opened_above_the_first_level_is_no_first_contact() -> None:
    assert not do(make_incident(level=3), Action.RESOLVE, Resolve(code="fixed")).first_contact


def test_first_contact_resolution_is_one_without_a_hand_over() -> None:
    assert do(make_incident(), Action.RESOLVE, Resolve(code="fixed")).first_contact
    handed = do(make_incident(), Action.ESCALATE, HandOver(summary="Beyond us"))
    assert not do(handed, Action.RESOLVE, Resolve(code="fixed")).first_contact
    assert not make_incident().first_contact


def test_closing_at_once_needs_a_code_and_resolves_too() -> None:
    with pytest.raises(Invalid) as refusal:
        do(make_incident(), Action.CLOSE, Close())
    assert refusal.value.pointer == "/args/code"
    closed = do(make_incident(), Action.CLOSE, Close(code="fixed"))
    assert (closed.resolved_at, closed.closed_at) == (LATER, LATER)


def test_closing_what_is_resolved_keeps_its_resolution() -> None:
    resolved = do(make_incident(), Action.RESOLVE, Resolve(code="fixed", text="A new cable"))
    closed = do(resolved, Action.CLOSE, Close(), LATER + timedelta(days=1))
    assert (closed.resolution, closed.resolved_at) == (resolved.resolution, LATER)


@pytest.mark.parametrize("state", [State.RESOLVED, State.CLOSED, State.CANCELLED])
@pytest.mark.parametrize(("action", "args"), [(Action.RESOLVE, Resolve(code="x")), (Action.CANCEL, Cancel(reason="x"))])
def test_finishing_twice_is_nothing_in_history_and_refused_now(state: State, action: Action, args: Arguments) -> None:
    finished = make_incident(state=state)
    assert do(finished, action, args, origin=Origin.HISTORY) == finished
    with pytest.raises(NotAllowed):
        do(finished, action, args)


@pytest.mark.parametrize("state", [State.RESOLVED, State.CLOSED])
@pytest.mark.parametrize(
    ("team", "to", "expected"),
    [
        ("mail", None, State.ASSIGNED),
        (None, None, State.NEW),
        ("mail", State.IN_PROGRESS, State.IN_PROGRESS),
        ("mail", State.NEW, State.NEW),
    ],
)
def test_reopening_leads_to_work(state: State, team: str | None, to: State | None, expected: State) -> None:
    finished = make_incident(state=state, team=team, resolved_at=NOW, closed_at=NOW)
    after = do(finished, Action.REOPEN, Reopen(reason="Still broken", to=to))
    assert (after.state, after.reopened, after.resolved_at, after.closed_at) == (expected, 1, None, None)


def test_reopening_into_a_finished_state_is_refused() -> None:
    with pytest.raises(Invalid):
        do(make_incident(state=State.CLOSED), Action.REOPEN, Reopen(to=State.CANCELLED))


def test_only_the_first_public_reply_of_an_agent_counts() -> None:
    asked = Note(text="Any news?", visibility=Visibility.PUBLIC, author_kind=AuthorKind.REQUESTER)
    among_us = Note(text="He is right")
    reply = Note(text="We are on it", visibility=Visibility.PUBLIC)
    incident = do(do(make_incident(), Action.NOTE, asked), Action.NOTE, among_us)
    assert incident.first_public_reply_at is None
    assert do(incident, Action.NOTE, reply).first_public_reply_at == LATER


def test_the_text_of_a_private_note_is_in_no_event() -> None:
    _, (event,) = perform(make_incident(), Action.NOTE, Note(text="The boss did it"), LATER, priorities=PRIORITIES)
    assert "text" not in event.change


def test_priority_follows_impact_and_urgency() -> None:
    after = do(make_incident(), Action.PRIORITISE, Prioritise(impact=Degree.HIGH, urgency=Degree.HIGH))
    assert (make_incident().priority, after.priority) == (Priority.P3, Priority.P1)
    assert do(after, Action.PRIORITISE, Prioritise(impact=Degree.HIGH)) == after


def test_an_outage_is_marked_and_unmarked_without_moving_the_priority() -> None:
    marked, (event,) = perform(
        make_incident(), Action.PRIORITISE, Prioritise(outage=True), LATER, priorities=PRIORITIES
    )
    assert (marked.outage, marked.priority, event.change["outage"]) == (True, Priority.P3, True)
    assert do(marked, Action.PRIORITISE, Prioritise(outage=True)) == marked
    assert do(marked, Action.PRIORITISE, Prioritise(outage=False)).outage is False


def test_a_change_of_impact_leaves_an_outage_marked_and_its_event_silent_on_it() -> None:
    down = make_incident(outage=True)
    after, (event,) = perform(down, Action.PRIORITISE, Prioritise(impact=Degree.HIGH), LATER, priorities=PRIORITIES)
    assert after.outage
    assert "outage" not in event.change


def test_a_record_shows_its_latest_links_and_how_many_there_are() -> None:
    incident = make_incident()
    for number in range(LINKS_SHOWN + 10):
        incident = do(incident, Action.LINK, LinkTo(kind=LinkKind.CHANGE, number=f"CHG{number}"))
    assert [link.number for link in incident.links] == [f"CHG{number}" for number in range(10, LINKS_SHOWN + 10)]
    assert incident.links_total == LINKS_SHOWN + 10


def test_linking_twice_changes_nothing() -> None:
    to = LinkTo(kind=LinkKind.PROBLEM, number="PRB0000001")
    linked = do(make_incident(state=State.CLOSED), Action.LINK, to)
    assert do(linked, Action.LINK, to) == linked


def test_a_refusal_names_what_is_possible() -> None:
    with pytest.raises(NotAllowed, match="reopen"):
        do(make_incident(state=State.CLOSED), Action.WAIT, WAIT)
    assert set(allowed(State.CLOSED)) == {Action.REOPEN, Action.NOTE, Action.LINK}


names = st.sampled_from([None, "a", "b"])
levels = st.sampled_from([None, 0, 1, 2, 3, 4, 5])
summaries = st.sampled_from([None, "Tried it"])
arguments = {
    Action.ASSIGN: st.builds(Assign, team=names, person=names),
    Action.ACCEPT: st.builds(Accept, person=names, team=names),
    Action.ESCALATE: st.builds(HandOver, summary=summaries, level=levels, team=names),
    Action.HAND_BACK: st.builds(HandOver, summary=summaries, level=levels, team=names),
    Action.WAIT: st.builds(Wait, reason=st.sampled_from([None, *WaitingReason])),
    Action.RESUME: st.just(Resume()),
    Action.NOTE: st.builds(Note, text=names, visibility=st.sampled_from(Visibility)),
    Action.PRIORITISE: st.builds(
        Prioritise,
        impact=st.sampled_from([None, *Degree]),
        urgency=st.sampled_from([None, *Degree]),
        outage=st.sampled_from([None, True, False]),
    ),
    Action.RESOLVE: st.builds(Resolve, code=names),
    Action.REOPEN: st.builds(Reopen, reason=names, to=st.sampled_from([None, *State])),
    Action.CLOSE: st.builds(Close, code=names),
    Action.CANCEL: st.builds(Cancel, reason=names),
    Action.LINK: st.builds(LinkTo, kind=st.sampled_from([None, *LinkKind]), number=names),
}
doings = st.lists(
    st.sampled_from(sorted(arguments)).flatmap(lambda a: st.tuples(st.just(a), arguments[a])), max_size=30
)


@settings(max_examples=50)
@given(doings=doings, origin=st.sampled_from(Origin))
def test_whatever_is_done_the_record_stays_sound(doings: list[tuple[Action, Arguments]], origin: Origin) -> None:
    incident = make_incident()
    for minute, (action, args) in enumerate(doings, start=1):
        at = NOW + timedelta(minutes=minute)
        try:
            after, happened = perform(incident, action, args, at, priorities=PRIORITIES, origin=origin)
        except (Invalid, NotAllowed):
            continue
        entry = TABLE[incident.state, action]
        assert after.state in (entry.state, *entry.others) or not happened
        assert len(happened) == (0 if after == incident else 1) or action is Action.NOTE
        if incident.state is State.CLOSED and after.state is not State.CLOSED:
            assert action is Action.REOPEN
        _is_sound(after)
        incident = after


def _is_sound(record: Incident) -> None:
    assert 1 <= record.level <= 4
    assert record.priority is PRIORITIES.priority(record.impact, record.urgency)
    assert (record.state is State.WAITING) == (record.waiting_reason is not None)
    assert (record.resolved_at is not None) == (record.state in (State.RESOLVED, State.CLOSED))
    assert (record.closed_at is not None) == (record.state is State.CLOSED)
    assert record.unfinished is (record.state not in FINISHED)
