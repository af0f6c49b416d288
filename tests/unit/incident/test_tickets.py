"""Tickets of foreign desks, brought over in and out of order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incident.domain.record import Degree, Kind, State, WaitingReason
from shared.envelope import Envelope
from shared.errors import Early
from tests.unit.incident.factories import LATER, NOW, House, batches, make_action, make_ticket


def story(*, backfill: bool = True) -> list[Envelope]:
    """A case that goes through two levels, waits, is solved, goes on, and is closed."""
    rows: list[tuple[str, dict[str, Any]]] = [
        ("accept", {"person": "bob"}),
        ("wait", {"args": {"reason": "user"}, "person": "bob"}),
        ("accept", {"person": "bob"}),
        ("assign", {"level": 2, "team": "net", "summary": "Beyond level 1"}),
        ("accept", {"level": 2, "team": "net", "person": "eve"}),
        ("resolve", {"args": {"code": "fixed"}, "person": "eve"}),
        ("resolve", {"args": {"code": "fixed"}, "person": "eve"}),
        ("reopen", {"args": {"to": "in_progress"}}),
        ("accept", {"level": 1, "team": "desk", "person": "bob", "summary": "Back to level 1"}),
        ("resolve", {"args": {"code": "in_call"}}),
        ("close", {}),
        ("hand_back", {"level": 1, "summary": "Nowhere to go"}),
    ]
    actions = [
        make_action(f"a{number}", action, number, sequence=number, backfill=backfill, **data)
        for number, (action, data) in enumerate(rows[:-1], start=2)
    ]
    return [make_ticket(sequence=1, backfill=backfill, level=1, team="desk", person="bob"), *actions]


def test_a_ticket_opens_a_record_of_its_kind_once() -> None:
    house = House()
    house.tell(make_ticket("t1", kind="request", impact="high", requester="u17", team="desk"))
    house.tell(make_ticket("t2", kind="request", impact="high", requester="u17", team="desk"))
    (number,) = house.incidents()
    record = house.incident(number)
    assert number == "REQ0000001"
    assert (record.kind, record.impact, record.state) == (Kind.REQUEST, Degree.HIGH, State.ASSIGNED)
    assert (record.opened_at, record.external_ref, record.title) == (NOW, "EXT-1", "Mail is slow")
    assert house.types() == ["incident.opened"]


def test_an_action_happened_when_it_says_and_at_another_level_after_a_hand_over() -> None:
    house = House()
    house.tell(make_ticket(team="desk"))
    house.tell(make_action("a", "accept", 7, level=2, team="net", person="eve", summary="Beyond us"))
    record = house.incident("INC0000001")
    assert (record.level, record.team, record.person, record.handovers) == (2, "net", "eve", 1)
    assert (record.state, record.accepted_at) == (State.IN_PROGRESS, NOW + timedelta(minutes=7))
    escalated, accepted = house.events()[1:]
    assert (escalated.type, escalated.sequence, escalated.data["state"]) == ("incident.escalated", 2, "assigned")
    assert (accepted.type, accepted.sequence, accepted.data["state"]) == ("incident.accepted", 3, "in_progress")


def test_a_level_that_differs_needs_a_summary_and_nothing_is_done_by_halves() -> None:
    house = House()
    house.tell(make_ticket())
    taken = house.tell(make_action("a", "accept", level=2, team="net"))
    assert taken.rejected["a"].as_dict()["pointer"] == "/args/summary"
    assert house.types() == ["incident.opened"]


def test_a_hand_over_is_not_done_when_the_action_after_it_is_refused() -> None:
    house = House()
    house.tell(make_ticket())
    taken = house.tell(make_action("a", "wait", level=2, team="net", summary="Beyond us"))
    assert taken.rejected["a"].as_dict()["pointer"] == "/args/reason"
    assert house.incident("INC0000001").level == 1


def test_whoever_a_foreign_desk_names_has_it() -> None:
    house = House()
    house.tell(make_ticket(team="desk", person="bob"))
    house.tell(make_action("a", "wait", args={"reason": "vendor"}, team="net", person="eve"))
    record = house.incident("INC0000001")
    assert (record.waiting_reason, record.team, record.person) == (WaitingReason.VENDOR, "net", "eve")


def test_arguments_may_stand_beside_the_action() -> None:
    house = House()
    house.tell(make_ticket())
    house.tell(make_action("a", "resolve", code="fixed"))
    assert house.incident("INC0000001").state is State.RESOLVED


def test_an_action_of_an_unknown_reference_tries_again_later() -> None:
    house = House()
    taken = house.tell(make_action("a", "accept"))
    assert isinstance(taken.rejected["a"], Early)
    assert taken.rejected["a"].slug == "unknown-reference"


def test_an_old_action_without_a_sequence_is_out_of_order() -> None:
    house = House()
    house.tell(make_ticket(), make_action("a", "accept", 30, person="bob"))
    taken = house.tell(
        make_action("late", "wait", 24, args={"reason": "user"}), make_action("skewed", "close", 26, code="fixed")
    )
    assert taken.rejected["late"].slug == "action-out-of-order"
    assert taken.handled == {"skewed"}
    assert house.incident("INC0000001").closed_at == NOW + timedelta(minutes=30)


def test_nothing_happens_in_the_future() -> None:
    house = House()
    house.tell(make_ticket(), make_action("a", "accept", 600, person="bob"))
    assert house.incident("INC0000001").accepted_at == LATER


def test_early_actions_wait_and_are_done_as_soon_as_the_gap_closes() -> None:
    house = House()
    ticket, accepted, waited, went_on = story()[:4]
    assert house.tell(went_on, waited).handled == {went_on.id, waited.id}
    assert len(house.rows("waiting_actions")) == 2
    house.tell(ticket)
    assert house.incident("INC0000001").state is State.ASSIGNED
    house.tell(accepted)
    assert house.incident("INC0000001").state is State.IN_PROGRESS
    assert house.rows("waiting_actions") == {}
    assert house.types()[1:] == ["incident.accepted", "incident.waiting", "incident.accepted"]


def test_a_sequence_that_is_done_changes_nothing() -> None:
    house = House()
    house.tell(*story()[:3])
    taken = house.tell(make_action("again", "close", 9, sequence=2, code="x"))
    assert taken.handled == {"again"}
    assert house.incident("INC0000001").state is State.WAITING


def test_a_senders_first_number_need_not_be_one() -> None:
    house = House()
    house.tell(make_action("a", "accept", sequence=8, person="bob"), make_ticket(sequence=7))
    assert house.incident("INC0000001").person == "bob"


def test_a_story_is_told_to_its_end() -> None:
    house = House()
    assert not house.tell(*story()).rejected
    record = house.incident("INC0000001")
    assert (record.state, record.level, record.handovers, record.reopened) == (State.CLOSED, 1, 2, 1)
    assert record.resolution is not None
    assert record.resolution.code == "in_call"
    assert not record.first_contact
    row = house.row("incidents", "INC0000001")
    assert row["version"] == len(house.events())
    assert {event.backfill for event in house.events()} == {True}


def test_finishing_twice_is_refused_unless_it_is_history() -> None:
    house = House()
    taken = house.tell(*story(backfill=False)[:8])
    assert [error.slug for error in taken.rejected.values()] == ["not-allowed-in-this-state"]


def test_a_finished_record_changes_its_level_in_history() -> None:
    house = House()
    house.tell(make_ticket(backfill=True), make_action("a", "close", code="x", backfill=True))
    house.tell(make_action("b", "close", 2, backfill=True, level=3, team="net", summary="Filed there"))
    record = house.incident("INC0000001")
    assert (record.state, record.level, record.handovers) == (State.CLOSED, 3, 1)
    assert house.types()[-1] == "incident.escalated"


def test_actions_may_name_the_number() -> None:
    house = House()
    house.tell(make_ticket())
    house.tell(make_action("a", "note", external_ref=None, number="INC0000001", text="Seen", visibility="public"))
    assert house.types()[-1] == "incident.noted"
    taken = house.tell(make_action("b", "note", external_ref=None, number="INC0000009", text="Seen"))
    assert taken.rejected["b"].slug == "not-found"


REPLY = {"text": "We are on it", "visibility": "public"}
CLAIMS: list[dict[str, Any]] = [
    {"args": {**REPLY, "author": "eve", "author_kind": "agent"}},
    {**REPLY, "author": "eve", "author_kind": "agent"},
    {"args": REPLY, "person": "eve"},
]


@pytest.mark.parametrize("data", CLAIMS)
def test_who_wrote_a_note_is_not_believed_from_a_sender_whom_the_broker_has_not_checked(data: dict[str, Any]) -> None:
    house = House()
    house.tell(make_ticket(), make_action("a", "note", **data))
    (note,) = house.rows("notes").values()
    assert (note["author"], note["author_kind"]) == ("system:/desk", "system")
    assert house.incident("INC0000001").first_public_reply_at is None


@pytest.mark.parametrize("data", CLAIMS)
@pytest.mark.parametrize("trust", [{"sender": "north"}, {"backfill": True}])
def test_who_wrote_a_note_is_believed_from_a_checked_sender_and_in_history(
    data: dict[str, Any], trust: dict[str, Any]
) -> None:
    house = House()
    house.tell(make_ticket(), replace(make_action("a", "note", **data), **trust))
    (note,) = house.rows("notes").values()
    assert (note["author"], note["author_kind"]) == ("eve", "agent")
    assert house.incident("INC0000001").first_public_reply_at == NOW + timedelta(minutes=1)


def test_a_checked_sender_is_believed_also_when_its_note_had_to_wait() -> None:
    house = House()
    house.tell(replace(make_action("a", "note", sequence=2, **CLAIMS[0]), sender="north"))
    house.tell(make_ticket(sequence=1))
    assert house.incident("INC0000001").first_public_reply_at is not None


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"action": "open"}, "/data/action"),
        ({"action": "dance"}, "/data/action"),
        ({"external_ref": None}, "/data/external_ref"),
        ({"action": "wait", "args": {"reason": "rain"}}, "/data/args/reason"),
        ({"level": 7}, "/data/level"),
    ],
)
def test_what_is_wrong_is_named(data: dict[str, Any], pointer: str) -> None:
    given = {"action": "accept", **data}
    taken = House().tell(make_action("a", given.pop("action"), **given))
    assert taken.rejected["a"].pointer == pointer


@settings(max_examples=25, deadline=None)
@given(order=st.randoms(use_true_random=False), size=st.integers(1, 12), copies=st.integers(1, 2))
def test_a_shuffled_history_gives_the_same_record(order: Random, size: int, copies: int) -> None:
    told, shuffled = House(), House()
    told.tell(*story())
    messages = story() * copies
    order.shuffle(messages)
    for batch in batches(messages, size):
        assert not shuffled.tell(*batch).rejected
    assert shuffled.incidents() == told.incidents()
    assert shuffled.types() == told.types()
    assert shuffled.rows("waiting_actions") == {}
    assert shuffled.rows("external_refs")["/desk:EXT-1"]["last_sequence"] == len(story())


def noted(id: str, sequence: int, text: str = "It is the cable.") -> Envelope:
    return make_action(id, "note", sequence=sequence, args={"text": text, "visibility": "public"})


def test_what_waits_for_an_earlier_submission_is_done_when_a_later_one_overtakes_it() -> None:
    house = House()
    house.tell(noted("n", 2))
    house.tell(make_ticket("t3", sequence=3, title="Mail is slow everywhere"))
    house.tell(make_ticket("t1", sequence=1))
    assert house.types() == ["incident.opened", "incident.noted"]
    assert house.incident("INC0000001").title == "Mail is slow everywhere"
    assert house.rows("waiting_actions") == {}
    assert house.refusals == []
    house.tell(noted("n4", 4))
    assert house.types()[2:] == ["incident.noted"]


def test_what_cannot_be_done_then_is_kept_with_its_reason() -> None:
    house = House()
    house.tell(make_action("w", "wait", sequence=2), noted("n", 3))
    house.tell(make_ticket("t4", sequence=4))
    assert house.types() == ["incident.opened", "incident.noted"]
    (row,) = house.rows("waiting_actions").values()
    assert (row["sequence"], row["error"]["pointer"]) == (2, "/args/reason")
    assert [refusal.sequence for refusal in house.refusals] == [2]
    house.tell(make_action("again", "wait", sequence=2, args={"reason": "user"}))
    assert house.incident("INC0000001").state is State.WAITING
    assert house.rows("waiting_actions") == {}


def test_the_first_action_of_a_ticket_without_a_sequence_may_be_the_zeroth() -> None:
    house = House()
    house.tell(make_ticket(), noted("n0", 0), noted("n0-again", 0), noted("n1", 1))
    assert house.types() == ["incident.opened", "incident.noted", "incident.noted"]


def test_a_ticket_that_is_the_zeroth_itself_has_no_other() -> None:
    house = House()
    house.tell(make_ticket(sequence=0), noted("n0", 0), noted("n1", 1))
    assert house.types() == ["incident.opened", "incident.noted"]


def test_other_content_under_a_sequence_that_waits_is_refused_and_a_copy_is_not() -> None:
    house = House()
    house.tell(make_ticket(sequence=1), noted("a", 3))
    taken = house.tell(noted("copy", 3), noted("other", 3, "It is the switch."))
    assert {id: error.slug for id, error in taken.rejected.items()} == {"other": "sequence-already-used"}
    house.tell(noted("b", 2))
    assert [event.data["change"]["text"] for event in house.events()[1:]] == ["It is the cable."] * 2
