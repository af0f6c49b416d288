"""A ticket that is submitted again under its reference: what is new of it counts, and nothing goes without a trace."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incident.domain.record import Degree, Incident, Priority, State
from services.incident.handlers import gaps
from shared.envelope import Envelope
from tests.unit.incident.factories import LATER, NOW, House, batches, make_action, make_ticket

MINUTE = timedelta(minutes=1)


def again(id: str, minutes: float = 5, *, sequence: int | None = None, **data: Any) -> Envelope:
    """The ticket another time, so many minutes after it was submitted first."""
    return replace(make_ticket(id, sequence=sequence, **data), time=NOW + minutes * MINUTE)


def only(house: House) -> Incident:
    (incident,) = house.incidents().values()
    return incident


def test_what_is_said_otherwise_is_taken_over_and_told() -> None:
    house = House()
    house.tell(make_ticket(ci="mx1"))
    said = {"title": "Mail is down", "description": "For all", "category": "mail", "ci": "mx2", "language": "de"}
    assert not house.tell(again("t2", **said, service="mail", organisation="acme")).rejected
    incident = only(house)
    assert {name: getattr(incident, name) for name in said} == said
    assert (incident.service, incident.organisation) == ("mail", "acme")
    event = house.events()[-1]
    assert (event.type, event.time) == ("incident.updated", NOW + 5 * MINUTE)
    change = event.data["change"]
    assert (change["cause"], change["by"]) == ("ticket", "system:/desk")
    assert change["fields"] == ["category", "ci", "description", "language", "organisation", "service", "title"]
    assert (change["from"]["title"], change["from"]["ci"]) == ("Mail is slow", "mx1")
    assert "description" not in change["from"]


def test_another_impact_changes_the_priority_either_way() -> None:
    house = House()
    house.tell(make_ticket(impact="high", urgency="high"), again("t2", urgency="low"))
    assert (only(house).urgency, only(house).priority) == (Degree.LOW, Priority.P3)
    change = house.events()[-1].data["change"]
    assert (change["cause"], change["priority_from"], change["priority_to"]) == ("ticket", "P1", "P3")


def test_what_a_person_set_stands() -> None:
    house = House()
    house.tell(make_ticket())
    house.do("prioritise", "INC0000001", impact="high", urgency="high")
    house.tell(again("t2", 65, title="Mail is down", impact="low"))
    assert (only(house).priority, only(house).title) == (Priority.P1, "Mail is down")
    assert house.types()[-1] == "incident.updated"


@pytest.mark.parametrize("minutes", [0, 5])
def test_the_same_again_changes_nothing(minutes: float) -> None:
    house = House()
    house.tell(make_ticket(impact="high", ci="mx1"))
    assert not house.tell(again("t2", minutes, impact="high", ci="mx1")).rejected
    assert house.types() == ["incident.opened"]


def test_what_is_not_said_again_stays() -> None:
    house = House()
    house.tell(make_ticket(ci="mx1", impact="high"), again("t2", ci=None))
    assert (only(house).ci, only(house).impact) == ("mx1", Degree.HIGH)


def test_an_older_submission_changes_nothing() -> None:
    house = House()
    house.tell(make_ticket(), again("t2", 10, title="newest"), again("t3", 9, title="older"))
    assert only(house).title == "newest"
    house.tell(again("t4", 10, title="as new and later here"))
    assert only(house).title == "as new and later here"


def test_a_kind_cannot_change_and_the_sender_is_told() -> None:
    house = House()
    house.tell(make_ticket())
    error = house.tell(again("t2", kind="request", title="x")).rejected["t2"]
    assert (error.slug, error.pointer) == ("kind-cannot-change", "/data/kind")
    assert only(house).title == "Mail is slow"


def test_what_is_finished_for_good_does_not_change_and_the_sender_is_told() -> None:
    house = House()
    house.tell(make_ticket(), make_action("a", "close", code="fixed"))
    error = house.tell(again("t2", title="x")).rejected["t2"]
    assert (error.slug, error.pointer) == ("not-allowed-in-this-state", None)
    assert not house.tell(again("t3")).rejected


def test_in_a_sequence_it_has_its_turn() -> None:
    house = House()
    house.tell(make_ticket(sequence=1), again("t3", 3, sequence=3, title="third"))
    assert only(house).title == "Mail is slow"
    house.tell(make_action("a", "accept", 2, sequence=2, person="bob"))
    assert (only(house).title, house.rows("waiting_actions")) == ("third", {})
    assert house.types() == ["incident.opened", "incident.accepted", "incident.updated"]
    house.tell(again("t1", 1, sequence=1, title="first"), make_action("b", "resolve", 4, sequence=4, code="fixed"))
    assert (only(house).title, only(house).state) == ("third", State.RESOLVED)


def test_one_that_is_refused_in_its_turn_holds_nobody_up_and_can_be_sent_right() -> None:
    house = House()
    house.tell(make_ticket(sequence=1))
    assert house.tell(again("t2", 2, sequence=2, kind="request")).rejected.keys() == {"t2"}
    house.tell(make_action("a", "accept", 3, sequence=3, person="bob"))
    assert only(house).person == "bob"
    assert not house.tell(again("t2b", 2, sequence=2, title="right")).rejected
    assert only(house).title == "right"


@settings(max_examples=40, deadline=None)
@given(order=st.permutations(range(5)), size=st.integers(1, 5))
def test_a_shuffled_history_with_submissions_gives_the_same_record(order: list[int], size: int) -> None:
    story = [
        make_ticket(sequence=1, backfill=True),
        make_action("a", "accept", 1, sequence=2, backfill=True, person="bob"),
        replace(again("t3", 2, sequence=3, title="worse", impact="high"), backfill=True),
        make_action("b", "resolve", 3, sequence=4, backfill=True, code="fixed"),
        replace(again("t5", 4, sequence=5, title="was worse"), backfill=True),
    ]
    # A submission that comes before the first one is the first one here; then those before it are in the past.
    order = [0, *(index for index in order if index)]
    told, shuffled = House(), House()
    told.tell(*story)
    for batch in batches([story[index] for index in order], size):
        assert not shuffled.tell(*batch).rejected
    assert shuffled.incidents() == told.incidents()
    assert shuffled.types() == told.types()


def told_gaps(house: House, after: timedelta) -> list[tuple[str, int]]:
    house.unit_of_work.clock.advance(after)  # type: ignore[attr-defined]
    found = house.unit_of_work.run(lambda work: gaps.tell_overdue(work, ports=house.ports))
    return [(gap.reference, gap.sequence) for gap in found]


def test_a_gap_that_stays_open_is_told_once_with_what_waits() -> None:
    house = House()
    house.tell(make_ticket(sequence=1), *(make_action(f"a{n}", "note", n, sequence=n, text="x") for n in (4, 5)))
    assert told_gaps(house, timedelta(minutes=59)) == []
    assert told_gaps(house, MINUTE) == [("/desk:EXT-1", 2)]
    (note,) = house.rows("notes").values()
    assert note["text"] == (
        "Action 2 of EXT-1 at /desk has not come for 1 hour; 2 that came after it wait, from action 4 on."
    )
    assert (note["visibility"], note["author_kind"]) == ("private", "system")
    assert told_gaps(house, MINUTE) == []
    assert house.unit_of_work.run(gaps.count_open) == 1
    house.tell(*(make_action(f"a{n}", "note", n, sequence=n, text="x") for n in (2, 3)))
    assert house.unit_of_work.run(gaps.count_open) == 0
    assert len(house.rows("notes")) == 5


def test_a_ticket_becomes_restricted_with_what_is_said_of_it_then_and_does_not_cease_to_be() -> None:
    house = House()
    house.tell(make_ticket(), again("t2", title="Payroll of the board", restricted=True))
    event = house.events()[-1]
    assert (event.type, event.restricted) == ("incident.updated", True)
    assert "Payroll" not in str(event.data)
    house.tell(again("t3", minutes=6, title="Payroll, again", restricted=False))
    assert only(house).restricted
    assert "Payroll" not in str(house.events()[-1].data)


def test_a_ticket_becomes_an_outage_when_its_desk_says_so() -> None:
    house = House()
    house.tell(make_ticket(), again("t2", outage=True))
    assert only(house).outage


def test_a_second_gap_is_told_as_well() -> None:
    house = House()
    house.tell(make_ticket(sequence=1), *(make_action(f"a{n}", "note", n, sequence=n, text="x") for n in (3, 5)))
    assert told_gaps(house, timedelta(hours=1)) == [("/desk:EXT-1", 2)]
    house.tell(make_action("a2", "note", 2, sequence=2, text="x"))
    assert told_gaps(house, timedelta(hours=1)) == [("/desk:EXT-1", 4)]


def test_a_gap_of_a_ticket_that_never_came_is_told_without_a_record() -> None:
    house = House()
    house.tell(make_action("a", "accept", sequence=2, person="bob"))
    assert told_gaps(house, timedelta(hours=1)) == [("/desk:EXT-1", 1)]
    assert house.incidents() == {}
    assert house.unit_of_work.run(gaps.count_open) == 1


def test_references_of_two_senders_are_never_one() -> None:
    house = House()
    one = replace(make_ticket("1", external_ref="b|c"), source="a")
    other = replace(make_ticket("2", external_ref="c"), source="a|b")
    third = replace(make_ticket("3", external_ref="b:c"), source="a")
    fourth = replace(make_ticket("4", external_ref="c"), source="a:b")
    house.tell(one, other, third, fourth)
    assert len(house.incidents()) == 4
    assert house.unit_of_work.clock.now() == LATER
