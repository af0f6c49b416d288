"""Records with their versions, journal rows and audit rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audit import verify
from shared.envelope import Lane
from shared.errors import Conflict, NotFound, VersionMismatch
from shared.storage import GENESIS, Repository, Shape, from_document, to_document
from shared.store import AUDIT, JOURNAL
from shared.testing import (
    MemoryStore,
    make_actor,
    make_cause,
    make_envelope,
    make_instant,
    make_unit_of_work,
    published,
)
from shared.unit_of_work import Work
from tests.unit.shared.records import (
    SHAPE,
    THINGS,
    State,
    Step,
    Thing,
    change_thing,
    make_event,
    make_history,
    make_thing,
    open_thing,
)

things = st.builds(
    Thing,
    title=st.text(),
    state=st.sampled_from(State),
    secret=st.booleans(),
    weight=st.floats(allow_nan=False),
    steps=st.lists(st.builds(Step, text=st.text(), at=st.just(make_instant()))).map(tuple),
    parent=st.none() | st.text(),
)


@given(things)
def test_a_record_is_read_as_it_was_written(thing: Thing) -> None:
    assert from_document(Thing, to_document(thing)) == thing


def test_fields_that_the_class_no_longer_has_are_ignored() -> None:
    assert from_document(Thing, {**to_document(make_thing()), "old": 1}) == make_thing()


@given(st.lists(st.integers(0, 4), max_size=6))
def test_versions_rise_by_one_with_each_event_and_have_no_gap(counts: list[int]) -> None:
    store = MemoryStore()
    unit = make_unit_of_work(store)
    open_thing(unit)
    for count in counts:
        change_thing(unit, count=count)
    events = published(store)
    assert [event.sequence for event in events] == list(range(1, sum(counts) + 2))
    assert store.collections["things"]["T1"]["version"] == sum(counts) + 1
    assert list(verify(store, ["things"])) == []


def test_saving_twice_in_one_block_is_one_write_and_two_audit_rows() -> None:
    store = MemoryStore()

    def block(work: Work) -> None:
        first = THINGS.save(work, None, make_thing(), [make_event()], make_cause(), key="T1")
        THINGS.save(work, first, make_thing(title="b"), [make_event(), make_event()], make_cause())

    make_unit_of_work(store).run(block)
    assert store.collections["things"]["T1"]["title"] == "b"
    assert [row["version"] for row in store.collections[AUDIT].values()] == [1, 3]
    assert list(verify(store, ["things"])) == []


def test_without_an_event_nothing_is_written() -> None:
    store = make_history(1)
    change_thing(make_unit_of_work(store), count=0, title="silently")
    assert store.collections["things"]["T1"]["title"] == "a thing"
    assert len(store.collections[AUDIT]) == 1


def test_a_new_record_needs_an_event_and_a_number_that_is_free() -> None:
    unit = make_unit_of_work(make_history(1))
    with pytest.raises(ValueError, match="event"):
        unit.run(lambda work: THINGS.save(work, None, make_thing(), [], make_cause(), key="T9"))
    with pytest.raises(Conflict):
        open_thing(unit, "T1")


def test_a_record_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        make_unit_of_work().run(lambda work: THINGS.get(work, "T1"))
    assert caught.value.pointer == "/number"


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_a_caller_that_expected_another_version_is_told(expected: int) -> None:
    unit = make_unit_of_work(make_history(2))
    with pytest.raises(VersionMismatch) as caught:
        unit.run(lambda work: THINGS.get(work, "T1", expected_version=expected))
    assert caught.value.pointer == "/expected_version"
    assert unit.run(lambda work: THINGS.get(work, "T1", expected_version=2)).version == 2


def test_many_records_come_in_one_read_without_the_missing() -> None:
    unit = make_unit_of_work(make_history(1, 2))
    found = unit.run(lambda work: THINGS.get_many(work, ["T2", "T1", "T7"]))
    assert {key: stored.version for key, stored in found.items()} == {"T1": 1, "T2": 2}


def test_records_are_found_by_a_field_as_the_block_sees_them() -> None:
    store = make_history(1, 1)

    def block(work: Work) -> list[str]:
        one = THINGS.get(work, "T1")
        THINGS.save(work, one, make_thing(title="other"), [make_event()], make_cause())
        return [stored.state.title for stored in THINGS.find(work, {"title": "a thing"})]

    assert make_unit_of_work(store).run(block) == ["other", "a thing"]


def test_an_event_carries_the_snapshot_what_changed_and_who_did_it() -> None:
    store = MemoryStore()
    cause = make_cause(actor=make_actor(id="bob"), causationid="c1", traceparent="t1", hops=3)
    unit = make_unit_of_work(store)
    event = make_event(change={"from": 1}, at=make_instant() - timedelta(minutes=5))
    unit.run(lambda work: THINGS.save(work, None, make_thing(priority="P1"), [event], cause, key="T1"))
    (sent,) = published(store)
    number = {"number": "T1", "version": 1, "state": "new", "priority": "P1", "title": "a thing"}
    assert sent == make_envelope(
        id=sent.id,
        source="/thing",
        type="thing.changed",
        time=event.at,
        subject="T1",
        sequence=1,
        correlationid="trail-1",
        causationid="c1",
        traceparent="t1",
        hops=3,
        lane=Lane.URGENT,
        data={**number, "change": {"from": 1, "by": "bob", "by_kind": "person"}},
    )


def test_a_restricted_records_event_holds_number_version_state_and_priority_only() -> None:
    store = MemoryStore()
    open_thing(make_unit_of_work(store), secret=True, title="about somebody")
    (event,) = published(store)
    assert event.restricted
    assert event.data == {"number": "T1", "version": 1, "state": "new", "priority": "P3"}
    (row,) = store.collections[JOURNAL].values()
    assert b"somebody" not in row["body"]


def test_history_that_is_brought_over_travels_in_the_bulk_lane_and_says_so() -> None:
    store = MemoryStore()
    open_thing(make_unit_of_work(store), priority="P1", cause=make_cause(backfill=True))
    (event,) = published(store)
    assert (event.lane, event.backfill) == (Lane.BULK, True)


def test_a_journal_row_waits_to_be_sent_and_names_its_audit_row() -> None:
    store = make_history(2)
    audits = {row["hash"] for row in store.collections[AUDIT].values()}
    for key, row in store.collections[JOURNAL].items():
        assert (row["position"], row["subject"], row["key"]) == (None, "T1", key)
        assert row["lane"] == Lane.NORMAL
        assert row["audit"]["record"] == "things:T1"
        assert row["audit"]["hash"] in audits


def test_each_audit_row_follows_its_predecessor_and_the_record_knows_the_last() -> None:
    store = make_history(3)
    rows = [store.collections[AUDIT][f"things:T1:{count}"] for count in (1, 2, 3)]
    assert [row["prev"] for row in rows] == [GENESIS, rows[0]["hash"], rows[1]["hash"]]
    assert store.collections["things"]["T1"]["audit"] == {"head": rows[2]["hash"], "count": 3}
    assert rows[0]["actor"] == {"kind": "person", "id": "alice"}
    assert [change["type"] for change in rows[0]["changes"]] == ["thing.opened"]


@pytest.mark.parametrize("name", ["key", "_id"])
def test_a_record_must_not_use_the_fields_of_the_repository(name: str) -> None:
    kind = dataclass(frozen=True)(type("Odd", (), {"__annotations__": {name: str}, name: ""}))
    shape = Shape(service="thing", collection="odd", kind=kind, snapshot=lambda *_: {}, lane=lambda _: Lane.NORMAL)
    with pytest.raises(ValueError, match="must not have"):
        make_unit_of_work().run(
            lambda work: Repository(shape).save(work, None, kind(), [make_event()], make_cause(), key="O")
        )


def test_a_writer_who_lost_the_race_builds_on_the_winners_state() -> None:
    store = make_history(1)
    unit = make_unit_of_work(store)
    tries = []

    def block(work: Work) -> None:
        stored = THINGS.get(work, "T1")
        tries.append(stored.version)
        if len(tries) == 1:
            change_thing(unit, title="the winner's")
        THINGS.save(work, stored, make_thing(title=stored.state.title + "!"), [make_event()], make_cause())

    unit.run(block)
    assert tries == [1, 2]
    assert store.collections["things"]["T1"]["title"] == "the winner's!"
    assert SHAPE.collection == "things"
    assert list(verify(store, ["things"])) == []
