"""Actions of foreign desks that cannot be done: they hold nobody up, are shown, and can be sent again right."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incident.domain.history import MAX_REFUSED, Reference, Turn
from services.incident.domain.record import State
from services.incident.handlers import figures, questions
from services.incident.handlers.arrivals import Refusal
from services.incident.schemas.commands import GetArgs
from shared.envelope import Envelope
from tests.unit.incident.factories import House, batches, make_action, make_ticket


def with_a_wrong_one() -> list[Envelope]:
    """Opened, accepted, a wait that lacks its reason, a note, and resolved."""
    return [
        make_ticket(sequence=1),
        make_action("a", "accept", 1, sequence=2, person="bob"),
        make_action("wrong", "wait", 2, sequence=3),
        make_action("b", "note", 3, sequence=4, text="Nearly"),
        make_action("c", "resolve", 4, sequence=5, code="fixed"),
    ]


def test_an_action_that_is_refused_in_its_turn_holds_nobody_up() -> None:
    house = House()
    for message in with_a_wrong_one():
        assert (message.id in house.tell(message).rejected) is (message.id == "wrong")
    assert house.incident("INC0000001").state is State.RESOLVED
    assert house.rows("waiting_actions") == {}


def with_an_unreadable_one(**wrong: Any) -> list[Envelope]:
    """The same, but what is wrong with the wait can be seen without the record."""
    messages = with_a_wrong_one()
    messages[2] = make_action("wrong", "wait", 2, sequence=3, **{"reason": "rain", **wrong})
    return messages


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 1, 3, 4), (0, 1, 3, 4, 2)])
def test_an_action_that_cannot_be_read_holds_nobody_up(order: tuple[int, ...]) -> None:
    house = House()
    rejected = {id for index in order for id in house.tell(with_an_unreadable_one()[index]).rejected}
    assert rejected == {"wrong"}
    assert house.incident("INC0000001").state is State.RESOLVED
    assert house.rows("waiting_actions") == {}


def test_an_action_that_could_not_be_read_is_done_when_it_is_sent_right() -> None:
    right = make_action("right", "wait", 2, sequence=3, reason="user")
    ticket, accepted, wrong, noted, _ = with_an_unreadable_one()
    late, early = House(), House()
    late.tell(ticket, accepted, wrong, noted, right)
    early.tell(wrong)
    early.tell(right, noted)
    early.tell(ticket, accepted)
    assert late.types()[2:] == ["incident.noted", "incident.waiting"]
    assert early.types()[2:] == ["incident.waiting", "incident.noted"]
    assert early.rows("waiting_actions") == late.rows("waiting_actions") == {}


@pytest.mark.parametrize("wrong", [{"external_ref": None}, {"external_ref": "x" * 201}, {"external_ref": 7}])
def test_what_names_no_ticket_holds_no_place_in_its_history(wrong: dict[str, Any]) -> None:
    house = House()
    assert house.tell(with_an_unreadable_one(**wrong)[2]).rejected.keys() == {"wrong"}
    assert house.rows("external_refs") == {}


def test_a_waiting_action_that_is_refused_is_kept_with_its_reason_and_holds_nobody_up() -> None:
    house = House()
    ticket, accepted, wrong, noted, resolved = with_a_wrong_one()
    house.tell(wrong, noted, resolved)
    assert not house.tell(ticket, accepted).rejected
    assert house.incident("INC0000001").state is State.RESOLVED
    assert house.rows("waiting_actions").keys() == {"/desk%3AEXT-1:3"}
    assert house.row("waiting_actions", "/desk%3AEXT-1:3")["error"]["pointer"] == "/args/reason"
    assert house.refusals == [Refusal(reference="/desk:EXT-1", sequence=3, number="INC0000001", slug="invalid")]


def test_an_action_that_waited_for_its_own_batch_is_refused_as_a_message() -> None:
    house = House()
    ticket, accepted, wrong, noted, resolved = with_a_wrong_one()
    taken = house.tell(wrong, resolved, noted, accepted, ticket)
    assert taken.rejected.keys() == {"wrong"}
    assert (house.incident("INC0000001").state, house.refusals) == (State.RESOLVED, [])
    assert house.rows("waiting_actions") == {}


def test_a_refused_action_is_done_when_it_is_sent_right() -> None:
    house = House()
    ticket, accepted, wrong, noted, _ = with_a_wrong_one()
    house.tell(wrong, noted)
    house.tell(ticket, accepted)
    assert house.tell(make_action("worse", "wait", 2, sequence=3)).rejected.keys() == {"worse"}
    assert not house.tell(make_action("right", "wait", 2, sequence=3, reason="user")).rejected
    assert house.incident("INC0000001").state is State.WAITING
    assert house.rows("waiting_actions") == {}
    house.tell(make_action("again", "accept", 5, sequence=3))
    assert house.incident("INC0000001").state is State.WAITING


def test_a_record_shows_what_its_desk_did_that_is_not_done_here() -> None:
    house = House()
    ticket, accepted, wrong, noted, _ = with_a_wrong_one()
    house.tell(wrong, noted, make_action("late", "close", 9, sequence=9, code="x"))
    house.tell(ticket, accepted)
    request = {"number": "INC0000001", "args": {"history": True}, "actor": {"kind": "person", "id": "op"}}
    record = house.commands.answer(request, GetArgs(), partial(questions.get, ports=house.ports))["record"]
    where = {"reference": "/desk:EXT-1", "arrived_at": "2026-03-02T10:00:00.000Z"}
    assert record["actions_waiting"] == [{**where, "sequence": 9}]
    error = {"slug": "invalid", "message": "reason is needed", "pointer": "/args/reason"}
    assert record["actions_refused"] == [{**where, "sequence": 3, "error": error}]
    assert house.unit_of_work.run(figures.count_waiting) == 2


def test_refused_actions_that_can_be_tried_again_are_bounded() -> None:
    known = Reference(number="INC0000001")
    for sequence in range(1, MAX_REFUSED + 3):
        known = known.passed_over(sequence)
    assert (known.turn(2), known.turn(3)) == (Turn.PAST, Turn.AGAIN)
    assert known.made_good(3).turn(3) is Turn.PAST


@settings(max_examples=25, deadline=None)
@given(
    story=st.sampled_from([with_a_wrong_one(), with_an_unreadable_one()]),
    order=st.permutations(range(5)),
    size=st.integers(1, 5),
)
def test_a_shuffled_history_with_a_refusal_gives_the_same_record(
    story: list[Envelope], order: list[int], size: int
) -> None:
    told, shuffled = House(), House()
    for message in story:
        told.tell(message)
    messages = [story[index] for index in order]
    rejected = {id for batch in batches(messages, size) for id in shuffled.tell(*batch).rejected}
    assert shuffled.incidents() == told.incidents()
    assert shuffled.types() == told.types()
    # Refused once and told once: as a message, or as what is kept.
    kept = [row["sequence"] for row in shuffled.rows("waiting_actions").values()]
    assert (rejected, kept, len(shuffled.refusals)) in (({"wrong"}, [], 0), (set(), [3], 1))
    known, other = (house.row("external_refs", "/desk:EXT-1") for house in (told, shuffled))
    assert [known[name] for name in ("last_sequence", "refused")] == [other["last_sequence"], other["refused"]]
    assert known["last_sequence"] == 5
