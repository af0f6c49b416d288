"""A record that senders lengthen: what an action costs does not depend on what the record holds already."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.incident.domain.record import LINKS_SHOWN, MOST_TURNS, Link, LinkKind
from services.incident.handlers import questions
from services.incident.schemas.commands import GetArgs
from shared.envelope import Envelope, encode
from shared.errors import Unavailable
from shared.storage import to_document
from shared.store import INBOX, Writes
from shared.testing import MemoryStore, make_envelope
from tests.unit.incident.factories import LATER, House, batches, make_action, make_ticket

MANY = 1_000


def make_link(number: int, width: int = 40) -> Envelope:
    """A link to a change whose number has this many characters."""
    args = {"kind": "change", "number": f"{number:0{width}}"}
    return make_action(f"link-{number}", "link", args=args)


def page(house: House, number: str, after: str | None = None) -> Mapping[str, Any]:
    args = {"links": True, **({"links_after": after} if after else {})}
    request = {"number": number, "args": args, "actor": {"kind": "person", "id": "alice", "roles": ["agent"]}}

    def get(work: Any, command: Any, given: Any) -> Any:
        return questions.get(work, command, given, ports=house.ports)

    return house.commands.answer(request, GetArgs(), get)["record"]["all_links"]


def test_a_thousand_links_to_one_record_leave_its_events_and_transactions_as_small_as_the_first() -> None:
    house = House()
    house.tell(make_ticket())
    for batch in batches([make_link(number, 64) for number in range(MANY)], 100):
        assert not house.tell(*batch).rejected
    sizes = [len(encode(event)) for event in house.events()]
    assert max(sizes[100:]) <= max(sizes[: LINKS_SHOWN + 2]) + 10
    assert house.events()[-1].data["links_total"] == MANY
    assert len(house.incident("INC0000001").links) == LINKS_SHOWN


def test_all_links_of_a_record_are_kept_and_read_page_by_page() -> None:
    house = House()
    house.tell(make_ticket())
    house.tell(*[make_link(number) for number in range(MANY)])
    first = page(house, "INC0000001")
    second = page(house, "INC0000001", first["next"])
    shown = [one["number"] for one in (*first["records"], *second["records"])]
    assert shown == [f"{number:040}" for number in range(MANY)]
    assert second["next"] is None


def test_a_link_that_the_record_no_longer_shows_is_not_made_a_second_time() -> None:
    house = House()
    house.tell(make_ticket())
    house.tell(*[make_link(number) for number in range(LINKS_SHOWN + 5)])
    version = house.row("incidents", "INC0000001")["version"]
    house.tell(replace(make_link(0), id="again"))
    assert house.row("incidents", "INC0000001")["version"] == version


def test_the_links_of_a_record_that_was_stored_with_all_of_them_are_kept_when_the_next_one_comes() -> None:
    house = House()
    house.tell(make_ticket())
    row = house.row("incidents", "INC0000001")
    links = tuple(Link(kind=LinkKind.CHANGE, number=f"{number:040}") for number in range(LINKS_SHOWN + 20))
    row["links"] = to_document(links)
    del row["links_total"]
    assert len(page(house, "INC0000001")["records"]) == LINKS_SHOWN + 20
    house.tell(replace(make_link(3), id="again"), make_link(LINKS_SHOWN + 20))
    assert house.incident("INC0000001").links_total == LINKS_SHOWN + 21
    assert len(page(house, "INC0000001")["records"]) == LINKS_SHOWN + 21


def test_a_link_to_a_number_that_is_none_is_refused() -> None:
    house = House()
    house.tell(make_ticket())
    taken = house.tell(make_link(1, 240))
    assert taken.rejected["link-1"].pointer == "/data/args/number"


def make_problem(event: str, id: str = "p1", **change: Any) -> Envelope:
    fields = {"id": id, "source": "/problem", "type": event, "subject": "PRB0000001", "time": LATER}
    return make_envelope(**fields, data={"number": "PRB0000001", "change": change})


def test_a_solution_reaches_every_incident_of_the_problem_in_small_transactions() -> None:
    house = House(store=(store := Counting()))
    numbers = [house.open() for _ in range(120)]
    for start in range(0, 120, 40):
        house.tell_of_problem(make_problem("problem.linked", f"l{start}", incidents=numbers[start : start + 40]))
    store.largest = 0
    resolved = make_problem("problem.resolved", incidents=numbers[-3:], resolve=True, text="Patched")
    assert house.tell_of_problem(resolved).handled == {"p1"}
    assert {house.incident(number).state.value for number in numbers} == {"resolved"}
    assert house.types().count("incident.resolved") == 120
    assert house.tell_of_problem(resolved).duplicates == {"p1"}
    assert store.largest <= 50 * 5


def test_a_solution_that_was_interrupted_half_way_tells_each_incident_once() -> None:
    house = House(store=(store := Counting()))
    numbers = [house.open() for _ in range(70)]
    resolved = make_problem("problem.resolved", incidents=numbers, resolve=False, text="Patched")
    store.left = 1
    with contextlib.suppress(Unavailable):
        house.tell_of_problem(resolved)
    assert 0 < len(house.rows("notes")) < 70
    store.left = None
    assert house.tell_of_problem(resolved).handled == {"p1"}
    assert len(house.rows("notes")) == 70
    assert {event.causationid for event in house.events() if event.type == "incident.noted"} == {"p1"}


class Counting(MemoryStore):
    """A store that knows its largest commit, and that is away after `left` more of them."""

    largest = 0
    left: int | None = None

    def commit(self, writes: Writes) -> None:
        if self.left == 0:
            raise Unavailable("away")
        self.left = None if self.left is None else self.left - 1
        self.largest = max(self.largest, sum(map(len, writes.inserts.values())), len(writes.inserts.get(INBOX, ())))
        super().commit(writes)


def test_a_loop_of_two_programs_ends_with_a_reason_and_the_record_can_still_be_ended() -> None:
    house = House()
    house.tell(make_ticket())
    for number in range(MOST_TURNS // 2):
        house.tell(make_action(f"w{number}", "wait", args={"reason": "user"}), make_action(f"r{number}", "resume"))
    taken = house.tell(
        make_action("one-more", "wait", args={"reason": "user"}),
        make_action("told", "note", args={"text": "again", "visibility": "public"}),
        make_action("private", "note", args={"text": "A loop.", "visibility": "private"}),
        make_action("link", "link", args={"kind": "change", "number": "CHG0000001"}),
        make_action("done", "resolve", args={"code": "fixed"}),
        make_action("back", "reopen"),
    )
    assert {key: error.slug for key, error in taken.rejected.items()} == dict.fromkeys(
        ("one-more", "told", "back"), "too-many-changes"
    )
    assert house.incident("INC0000001").state.value == "resolved"


def test_what_changes_nothing_is_no_turn() -> None:
    house = House()
    house.tell(make_ticket())
    for number in range(MOST_TURNS + 10):
        house.tell(make_action(f"w{number}", "wait", args={"reason": "user"}))
    assert house.incident("INC0000001").turns == 1


def test_a_ticket_whose_weight_goes_back_and_forth_ends_with_a_reason() -> None:
    house = House()
    house.tell(make_ticket("first", impact="low"))
    refused = []
    for number in range(MOST_TURNS + 4):
        taken = house.tell(make_ticket(f"t{number}", impact=("high", "low")[number % 2]))
        refused += [error.slug for error in taken.rejected.values()]
    assert refused == ["too-many-changes"] * 2
    assert house.incident("INC0000001").turns == MOST_TURNS
    assert not house.tell(make_action("done", "resolve", args={"code": "fixed"})).rejected
