from __future__ import annotations

from shared.journal import read_after, read_all
from shared.store import JOURNAL
from shared.testing import MemoryStore, make_cause, make_unit_of_work
from tests.unit.shared.records import THINGS, make_event, make_thing


def stored(count: int) -> MemoryStore:
    store = MemoryStore()
    unit_of_work = make_unit_of_work(store)
    for number in range(count):
        unit_of_work.run(
            lambda work, number=number: THINGS.save(
                work, None, make_thing(), (make_event(),), make_cause(), key=f"T{number}"
            )
        )
    for position, key in enumerate(sorted(store.collections[JOURNAL]), start=1):
        store.collections[JOURNAL][key]["position"] = position
    return store


def test_a_reader_gets_every_event_once_in_order_of_position() -> None:
    found = list(read_all(stored(7)))

    assert [position for position, _ in found] == [1, 2, 3, 4, 5, 6, 7]
    assert [envelope.subject for _, envelope in found] == [f"T{number}" for number in range(7)]


def test_a_reader_goes_on_where_it_stood() -> None:
    store = stored(7)

    first = read_after(store, 0, window=3)
    rest = list(read_all(store, first[-1][0]))

    assert [position for position, _ in [*first, *rest]] == [1, 2, 3, 4, 5, 6, 7]


def test_what_has_no_position_yet_is_not_read() -> None:
    store = stored(2)
    last = max(store.collections[JOURNAL])
    store.collections[JOURNAL][last]["position"] = None

    assert [position for position, _ in read_all(store)] == [1]
