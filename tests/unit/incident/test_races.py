"""Two replicas at the same moment: what one has read, the other changes before it commits."""

from __future__ import annotations

from collections.abc import Callable

from services.incident.domain.record import State
from shared.store import Writes
from shared.testing import MemoryStore
from tests.unit.incident.factories import House, make_action, make_alert, make_ticket


class Overtaken(MemoryStore):
    """A store in which somebody else commits just before the next commit."""

    def __init__(self) -> None:
        super().__init__()
        self.first: Callable[[], object] | None = None

    def commit(self, writes: Writes) -> None:
        first, self.first = self.first, None
        if first is not None:
            first()
        super().commit(writes)


def two_replicas() -> tuple[House, House, Overtaken]:
    """Two houses over one store, with numbers from one counter."""
    store = Overtaken()
    one, other = House(store=store), House(store=store)
    other.ports, other.unit_of_work = one.ports, one.unit_of_work
    return one, other, store


def test_two_replicas_open_one_incident_for_an_alert() -> None:
    one, other, store = two_replicas()
    store.first = lambda: other.tell(make_alert("2", source="b"))
    one.tell(make_alert("1", source="a"))
    (claim,) = one.rows("open_alerts").values()
    assert (len(one.incidents()), claim["count"], claim["firing"]) == (1, 2, 2)


def test_an_alert_that_joins_while_the_last_one_clears_keeps_or_opens_an_incident() -> None:
    one, other, store = two_replicas()
    one.tell(make_alert("1", source="a"))
    store.first = lambda: other.tell(make_alert("2", 1, source="b"))
    one.tell(make_alert("3", 2, fires=False, source="a"))
    assert [record.state for record in one.incidents().values()] == [State.NEW]


def test_two_alerts_that_clear_at_the_same_moment_resolve_their_incident() -> None:
    one, other, store = two_replicas()
    one.tell(make_alert("1", source="a"), make_alert("2", source="b"))
    store.first = lambda: other.tell(make_alert("3", 1, fires=False, source="b"))
    one.tell(make_alert("4", 1, fires=False, source="a"))
    assert [record.state for record in one.incidents().values()] == [State.RESOLVED]


def test_an_alert_that_comes_while_a_person_resolves_opens_the_next_incident() -> None:
    one, other, store = two_replicas()
    one.tell(make_alert("1"))
    store.first = lambda: other.do("resolve", "INC0000001", code="fixed")
    one.tell(make_alert("2", 1))
    assert [record.state for record in one.incidents().values()] == [State.RESOLVED, State.NEW]


def test_an_action_put_by_while_its_ticket_is_opened_is_not_forgotten() -> None:
    one, other, store = two_replicas()
    store.first = lambda: other.tell(make_action("a", "accept", sequence=2, person="bob"))
    one.tell(make_ticket(sequence=1))
    assert [record.state for record in one.incidents().values()] == [State.IN_PROGRESS]
    assert one.rows("waiting_actions") == {}


def test_an_action_put_by_while_its_gap_closes_is_not_forgotten() -> None:
    one, other, store = two_replicas()
    one.tell(make_ticket(sequence=1))
    store.first = lambda: other.tell(make_action("a", "accept", sequence=2, person="bob"))
    one.tell(make_action("b", "close", 2, sequence=3, code="fixed"))
    assert one.incident("INC0000001").state is State.CLOSED
    assert one.rows("waiting_actions") == {}


def test_two_copies_of_a_ticket_open_one_record() -> None:
    one, other, store = two_replicas()
    store.first = lambda: other.tell(make_ticket("t1"))
    one.tell(make_ticket("t2"))
    assert one.types() == ["incident.opened"]
