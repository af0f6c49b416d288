"""What a hand in the database does to history is found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared import audit
from shared.audit import ANCHORS, anchor, verify, verify_anchors
from shared.storage import GENESIS, audit_hash, state_hash
from shared.store import AUDIT, JOURNAL, Document
from shared.testing import MemoryStore, make_instant, make_unit_of_work
from tests.unit.shared.records import change_thing, make_history, open_thing

RECORD = "things:T1"


def faults(store: MemoryStore) -> list[tuple[str, str]]:
    return [(finding.record, finding.fault) for finding in verify(store, ["things"])]


def audit_row(store: MemoryStore, count: int) -> Document:
    return store.collections[AUDIT][f"{RECORD}:{count}"]


def record(store: MemoryStore) -> Document:
    return store.collections["things"]["T1"]


def give_positions(store: MemoryStore) -> None:
    """What the relay does."""
    for position, row in enumerate(sorted(store.collections[JOURNAL].values(), key=lambda row: row["_id"]), start=1):
        row["position"] = position


def write_anchor(store: MemoryStore) -> Document | None:
    give_positions(store)
    return make_unit_of_work(store).run(lambda work: anchor(work, make_instant()))


def doctor(store: MemoryStore, count: int, **changes: Any) -> None:
    """Change an audit row and give it a hash that fits."""
    row = audit_row(store, count)
    row.update(changes)
    row["hash"] = audit_hash(row)


def test_a_history_that_nobody_touched_verifies() -> None:
    store = make_history(1, 4, 2)
    write_anchor(store)
    assert faults(store) == []


@pytest.mark.parametrize(
    "change",
    [
        {"actor": {"kind": "person", "id": "mallory"}},
        {"at": make_instant() + timedelta(seconds=1)},
        {"changes": []},
        {"state": GENESIS},
        {"correlationid": "other"},
        {"added": 1},
    ],
)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_row_that_was_changed_is_found(count: int, change: Document) -> None:
    store = make_history(3)
    audit_row(store, count).update(change)
    assert (RECORD, f"audit row {count} was changed") in faults(store)


@pytest.mark.parametrize("count", [1, 2])
def test_a_row_that_was_changed_with_a_hash_that_fits_breaks_its_successor(count: int) -> None:
    store = make_history(3)
    doctor(store, count, actor={"kind": "person", "id": "mallory"})
    assert (RECORD, f"audit row {count + 1} does not follow its predecessor") in faults(store)


def test_the_last_row_changed_with_a_hash_that_fits_is_not_the_one_the_record_knows() -> None:
    store = make_history(3)
    doctor(store, 3, actor={"kind": "person", "id": "mallory"})
    assert [found for found, _ in faults(store)] == [RECORD]


@pytest.mark.parametrize("count", [1, 2])
def test_a_row_that_was_removed_is_found(count: int) -> None:
    store = make_history(3)
    del store.collections[AUDIT][f"{RECORD}:{count}"]
    assert (RECORD, f"audit row {count} is missing") in faults(store)


def test_the_last_row_that_was_removed_is_found() -> None:
    store = make_history(3)
    del store.collections[AUDIT][f"{RECORD}:3"]
    assert faults(store) == [(RECORD, "the record knows 3 audit rows, 2 are there")]


def test_all_rows_removed_are_found_even_when_the_record_denies_them() -> None:
    store = make_history(2)
    store.collections[AUDIT].clear()
    assert faults(store) == [(RECORD, "the record knows 2 audit rows, 0 are there")]
    record(store).update(version=0, audit={"head": GENESIS, "count": 0})
    assert [found for found, _ in faults(store)] == [RECORD]


def inserted_after_the_last(store: MemoryStore) -> Document:
    last = audit_row(store, 3)
    row = {**last, "_id": f"{RECORD}:4", "key": f"{RECORD}:4", "count": 4, "version": 4, "prev": last["hash"]}
    return {**row, "hash": audit_hash(row)}


def inserted_between(store: MemoryStore) -> Document:
    return {**audit_row(store, 2), "_id": "by-hand", "key": "by-hand"}


def inserted_without_care(store: MemoryStore) -> Document:
    return {"_id": "by-hand", "key": "by-hand", "record": RECORD}


@pytest.mark.parametrize("make", [inserted_after_the_last, inserted_between, inserted_without_care])
def test_a_row_that_was_inserted_by_hand_is_found(make: Callable[[MemoryStore], Document]) -> None:
    store = make_history(3)
    row = make(store)
    store.collections[AUDIT][row["_id"]] = row
    assert [found for found, _ in faults(store)] == [RECORD]


@pytest.mark.parametrize("change", [{"title": "doctored"}, {"version": 9}, {"added": 1}])
def test_a_record_that_was_changed_past_its_audit_is_found(change: Document) -> None:
    store = make_history(2)
    record(store).update(change)
    assert faults(store) == [(RECORD, "the record was changed past its audit")]


def test_a_record_that_was_removed_is_found() -> None:
    store = make_history(2, 1)
    del store.collections["things"]["T1"]
    assert faults(store) == [(RECORD, "the record is gone")]


def remove_the_last_change(store: MemoryStore) -> None:
    """As somebody would who knows all about hashes: the row is gone, record and head are as they were before it."""
    before = make_history(2)
    del store.collections[AUDIT][f"{RECORD}:3"]
    store.collections["things"]["T1"] = before.collections["things"]["T1"]


def test_a_change_undone_together_with_the_head_is_found_by_the_anchor() -> None:
    store = make_history(3)
    remove_the_last_change(store)
    assert faults(store) == []
    store = make_history(3)
    write_anchor(store)
    remove_the_last_change(store)
    assert faults(store) == [(RECORD, "audit row 3 is not as anchor:1 saw it")]


def test_a_record_removed_with_all_its_rows_is_found_by_the_anchor() -> None:
    store = make_history(2, 1)
    write_anchor(store)
    del store.collections["things"]["T1"]
    for count in (1, 2):
        del store.collections[AUDIT][f"{RECORD}:{count}"]
    assert faults(store) == [(RECORD, "audit row 2 is not as anchor:1 saw it")]


def test_an_anchor_holds_the_last_head_of_each_record_that_changed_since_the_one_before() -> None:
    store = make_history(2, 1)
    first = write_anchor(store)
    assert first is not None
    assert [(key, count) for key, count, _ in first["heads"]] == [(RECORD, 2), ("things:T2", 1)]
    assert (first["number"], first["position"], first["prev"]) == (1, 3, GENESIS)
    assert write_anchor(store) is None
    unit = make_unit_of_work(store)
    unit.ids.new = lambda: "ffffffff"  # type: ignore[method-assign]
    change_thing(unit, "T2")
    second = write_anchor(store)
    assert second is not None
    assert [(key, count) for key, count, _ in second["heads"]] == [("things:T2", 2)]
    assert (second["number"], second["position"], second["prev"]) == (2, 4, first["digest"])
    assert faults(store) == []


@pytest.mark.parametrize("count", [1, 5])
def test_an_audit_row_of_a_record_that_never_was_is_found(count: int) -> None:
    store = make_history(2)
    row = {**audit_row(store, 1), "_id": f"things:T9:{count}", "record": "things:T9", "count": count}
    store.collections[AUDIT][row["_id"]] = {**row, "key": row["_id"]}
    assert faults(store) == [("things:T9", "the record is gone")]


def test_a_record_that_changes_while_it_is_verified_has_no_fault() -> None:
    store, unit = make_history(2), []

    class Busy(MemoryStore):
        def find(self, collection: str, *places: Any, **options: Any) -> list[Document]:
            found = super().find(collection, *places, **options)
            if collection == "things" and found and not unit:
                unit.append(make_unit_of_work(self))
                unit[0].ids.new = lambda: "ffffffff"
                change_thing(unit[0], "T1")
            return found

    busy = Busy()
    busy.collections = store.collections
    assert faults(busy) == []
    assert len(unit) == 1


def test_an_anchor_is_not_due_before_its_time() -> None:
    store = make_history(2, 1)
    write_anchor(store)
    unit = make_unit_of_work(store)
    unit.ids.new = lambda: "ffffffff"  # type: ignore[method-assign]
    change_thing(unit, "T2")
    give_positions(store)
    at, hour = make_instant(), timedelta(hours=1)
    assert unit.run(lambda work: anchor(work, at + hour - timedelta(seconds=1), every=hour)) is None
    assert unit.run(lambda work: anchor(work, at + hour, every=hour)) is not None


class Weighed(MemoryStore):
    """A store that knows how many rows, and how many bytes of bodies, were read from the journal."""

    rows = 0
    bodies = 0

    def find(self, collection: str, *places: Any, **options: Any) -> list[Document]:
        found = super().find(collection, *places, **options)
        if collection == JOURNAL:
            self.rows += len(found)
            self.bodies += sum(len(row.get("body", b"")) for row in found)
        return found


def weighed(store: MemoryStore) -> Weighed:
    weighed = Weighed()
    weighed.collections = store.collections
    return weighed


def test_an_anchor_that_is_not_due_reads_nothing_of_what_waits_for_it() -> None:
    store = make_history(2, 1)
    write_anchor(store)
    unit = make_unit_of_work(store)
    unit.ids.new = lambda: "ffffffff"  # type: ignore[method-assign]
    change_thing(unit, "T2")
    give_positions(store)
    unit = make_unit_of_work(read := weighed(store))
    assert unit.run(lambda work: anchor(work, make_instant(), every=timedelta(hours=1))) is None
    assert read.rows == 0


def test_an_anchor_is_written_without_reading_what_the_events_say() -> None:
    read = weighed(make_history(3, 2))
    assert write_anchor(read) is not None
    assert (read.rows, read.bodies) == (5, 0)


def test_a_long_backlog_is_anchored_before_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BACKLOG", 3)
    read = weighed(make_history(1))
    write_anchor(read)
    unit = make_unit_of_work(read)
    for number in range(3):
        unit.ids.new = lambda number=number: f"ffff{number:04d}"  # type: ignore[misc]
        change_thing(unit, "T1")
        give_positions(read)
        written = unit.run(lambda work: anchor(work, make_instant(), every=timedelta(hours=1)))
        assert (written is not None) == (number == 2)


@pytest.mark.parametrize("anchors", range(1, 12))
def test_the_next_anchor_follows_the_last_one_however_many_there_are(anchors: int) -> None:
    store = make_history(1)
    unit = make_unit_of_work(store)
    for number in range(anchors):
        unit.ids.new = lambda number=number: f"ffff{number:04d}"  # type: ignore[misc]
        change_thing(unit, "T1")
        written = write_anchor(store)
        assert written is not None
        assert written["number"] == number + 1
    assert list(verify_anchors(store)) == []


def test_rows_without_a_position_yet_wait_for_the_next_anchor() -> None:
    store = make_history(2)
    assert make_unit_of_work(store).run(lambda work: anchor(work, make_instant())) is None
    assert ANCHORS not in store.collections


def anchored() -> MemoryStore:
    store = make_history(2)
    write_anchor(store)
    unit = make_unit_of_work(store)
    for _ in range(2):
        unit.ids.new()
    open_thing(unit, "T2")
    write_anchor(store)
    assert len(store.collections[ANCHORS]) == 2
    return store


@pytest.mark.parametrize(
    "change",
    [
        {"heads": []},
        {"prev": "f" * 64},
        {"digest": "f" * 64},
        {"number": 7},
        {"position": 99},
        {"at": make_instant() + timedelta(days=1)},
    ],
)
@pytest.mark.parametrize("key", ["000000001", "000000002"])
def test_an_anchor_that_was_changed_is_found(key: str, change: Document) -> None:
    store = anchored()
    store.collections[ANCHORS][key].update(change)
    assert list(verify_anchors(store)) != []


def test_an_anchor_that_was_removed_from_the_chain_is_found() -> None:
    store = anchored()
    del store.collections[ANCHORS]["000000001"]
    assert [finding.record for finding in verify_anchors(store)] == ["anchor:2"]


def test_a_states_hash_covers_everything_but_its_keys_and_its_own_head() -> None:
    row = {"_id": "a", "key": "a", "audit": {}, "title": "t", "at": make_instant()}
    assert state_hash(row) == state_hash({"at": make_instant(), "title": "t", "_id": "b", "key": "b"})
    assert state_hash(row) != state_hash({**row, "title": "u"})
    assert state_hash(row) != state_hash({**row, "at": make_instant() + timedelta(milliseconds=1)})
