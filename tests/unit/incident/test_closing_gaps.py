"""A gap in a foreign history that closes: all that waited is done, in order, however much it is."""

from __future__ import annotations

from functools import partial

import pytest

from services.incident.domain.history import Reference
from services.incident.handlers import catching_up, gaps
from services.incident.handlers.intake import reading_tickets
from services.incident.handlers.portions import in_portions
from services.incident.schemas import intake as messages
from shared import weight
from shared.envelope import Envelope
from shared.lease import Lease
from shared.storage import from_document
from shared.weight import MOST_WRITTEN
from tests.unit.incident.factories import NOW, House, batches, make_action, make_ticket
from tests.unit.incident.test_many_sources import Scales

LEASE = Lease(name="catching_up", token=1, until=NOW)


def goes_on(house: House) -> int:
    """Until nothing is behind; returns in how many portions."""
    house.store.collections["leases"] = {"catching_up": {"token": 1}}
    read = reading_tickets(partial(messages.read, rules=house.ports.alerts))
    block = partial(catching_up.go_on, lease=LEASE, ports=house.ports, read=read, warn=house.refusals.append)
    pass_over = partial(catching_up.pass_over_next, lease=LEASE)
    portions = 0
    while in_portions(house.unit_of_work, block, pass_over, catching_up.AT_ONCE) != 0:
        portions += 1
        assert portions < 300
    return portions


def known(house: House) -> Reference:
    (row,) = house.rows("external_refs").values()
    return from_document(Reference, row)


def make_gap(count: int, text: str) -> list[Envelope]:
    """A ticket and `count` notes that wait for the first action."""
    notes = [
        make_action(f"n{number}", "note", sequence=number, args={"text": f"{number} {text}"})
        for number in range(3, count + 3)
    ]
    return [make_ticket(sequence=1), *notes]


@pytest.mark.parametrize(("count", "text"), [(990, "x" * 100), (100, "x" * 30_000)])
def test_a_gap_that_closes_lets_go_on_all_that_waited_in_portions(count: int, text: str) -> None:
    house = House(store=(scales := Scales()))
    for batch in batches(make_gap(count, text), 20):
        assert not house.tell(*batch).rejected
    missing = make_action("n2", "note", sequence=2, args={"text": "the missing one"})
    assert not house.tell(missing).rejected
    assert known(house).behind
    assert goes_on(house) > 0
    assert scales.heaviest <= MOST_WRITTEN
    assert (known(house).last_sequence, known(house).waiting, known(house).behind) == (count + 2, (), False)
    assert house.rows("waiting_actions") == {}
    told = [row["text"].split()[0] for row in sorted(house.rows("notes").values(), key=_version)]
    assert told == ["the", *map(str, range(3, count + 3))]


def _version(row: dict[str, str]) -> int:
    return int(row["_id"].rpartition(":")[2])


def test_what_comes_while_a_history_is_behind_waits_for_its_turn() -> None:
    house = House()
    for batch in batches(make_gap(100, "x" * 30_000), 20):
        house.tell(*batch)
    house.tell(make_action("n2", "note", sequence=2, args={"text": "2"}))
    assert known(house).behind
    house.tell(make_action("last", "resolve", sequence=103, args={"code": "fixed"}))
    assert house.incident("INC0000001").state.value == "new"
    goes_on(house)
    assert house.incident("INC0000001").state.value == "resolved"
    assert len(house.rows("notes")) == 101


def test_a_history_that_is_behind_has_no_gap_to_tell() -> None:
    house = House()
    for batch in batches(make_gap(100, "x" * 30_000), 20):
        house.tell(*batch)
    house.unit_of_work.clock.advance(2 * house.ports.gap_after)  # type: ignore[attr-defined]
    house.tell(make_action("n2", "note", sequence=2, args={"text": "2"}))
    assert house.unit_of_work.run(lambda work: gaps.tell_overdue(work, ports=house.ports)) == []


def test_an_action_that_alone_cannot_be_stored_is_refused_and_its_history_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House()
    for batch in batches(make_gap(60, "x" * 30_000), 20):
        house.tell(*batch)
    house.tell(make_action("n2", "note", sequence=2, args={"text": "2"}))
    after = known(house).last_sequence
    monkeypatch.setattr(weight, "MOST_WRITTEN", 32_000)
    read = reading_tickets(partial(messages.read, rules=house.ports.alerts))
    house.store.collections["leases"] = {"catching_up": {"token": 1}}
    block = partial(catching_up.go_on, lease=LEASE, ports=house.ports, read=read, warn=house.refusals.append)
    assert in_portions(house.unit_of_work, block, partial(catching_up.pass_over_next, lease=LEASE), 10) is None
    monkeypatch.undo()
    goes_on(house)
    assert (known(house).refused, known(house).last_sequence) == ((after + 1,), 62)
    (row,) = house.rows("waiting_actions").values()
    assert row["error"]["slug"] == "too-large-to-store"
