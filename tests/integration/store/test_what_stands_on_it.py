"""What stands on a store: leases, records with journal and audit, anchors, batches and commands; alike on every one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.audit import ANCHORS, anchor, verify
from shared.clock import FixedClock
from shared.errors import Conflict
from shared.lease import Leases
from shared.mongo import MongoStore
from shared.storage import to_document
from shared.store import AUDIT, INBOX, JOURNAL, Store, Writes
from shared.testing import MemoryStore, make_cause, make_envelope, make_instant
from shared.unit_of_work import Work
from tests.integration.store.rows import make_row, make_unit
from tests.unit.shared.records import THINGS, Step, make_event, make_thing


def test_a_lease_has_one_holder_and_its_successor_a_higher_token(store: Store) -> None:
    clock = FixedClock(make_instant())
    one, other = (Leases(store, clock, name, span=timedelta(seconds=5)) for name in ("one", "other"))
    first = one.acquire("due")
    assert first is not None
    assert other.acquire("due") is None
    clock.advance(timedelta(seconds=3))
    assert one.acquire("due") is not None
    clock.advance(timedelta(seconds=5))
    second = other.acquire("due")
    assert second is not None
    assert second.token == first.token + 1
    assert one.acquire("due") is None
    with pytest.raises(Conflict):
        store.commit(Writes(inserts={"things": {"a": make_row("a")}}, fences=[("due", first.token)]))
    store.commit(Writes(inserts={"things": {"a": make_row("a")}}, fences=[("due", second.token)]))
    other.release("due")
    assert one.acquire("due") is not None


def test_a_record_its_journal_and_its_audit_come_back_as_they_were_hashed(store: Store) -> None:
    unit = make_unit(store)
    thing = make_thing(weight=0.1, steps=(Step(text="ü", at=make_instant("2026-03-02T09:00:00.123456Z")),))
    change = {"n": 2**40, "float": 1.0, "none": None, "list": [1, "a"], "deep": {"b": 1, "a": 2}}

    def open_it(work: Work) -> None:
        THINGS.save(work, None, thing, [make_event(change=change)], make_cause(), key="T1")

    def change_it(work: Work) -> None:
        stored = THINGS.get(work, "T1")
        THINGS.save(work, stored, replace(stored.state, title="b"), [make_event(), make_event()], make_cause())

    unit.run(open_it)
    unit.run(change_it)
    stored = unit.run(lambda work: THINGS.get(work, "T1"))
    assert (stored.version, stored.state.title, stored.state.weight) == (3, "b", 0.1)
    assert stored.state.steps[0].at == make_instant("2026-03-02T09:00:00.123Z")
    assert list(verify(store, ["things"])) == []
    assert len(store.find(AUDIT, {"record": "things:T1"})) == 2
    assert len(store.find(JOURNAL, {"subject": "T1"})) == 3
    assert to_document(stored.state)["title"] == "b"


def test_an_anchor_written_and_read_back_verifies(store: Store) -> None:
    unit = make_unit(store)
    unit.run(lambda work: THINGS.save(work, None, make_thing(), [make_event()], make_cause(), key="T1"))
    (row,) = store.find(JOURNAL, {})
    if isinstance(store, MongoStore):
        store.database[JOURNAL].update_one({"_id": row["_id"]}, {"$set": {"position": 1}})
    elif isinstance(store, MemoryStore):
        store.collections[JOURNAL][row["_id"]]["position"] = 1
    assert unit.run(lambda work: anchor(work, work.now)) is not None
    assert len(store.find(ANCHORS, {})) == 1
    assert list(verify(store, ["things"])) == []


def test_a_batch_is_handled_once_and_a_command_answered_again(store: Store) -> None:
    unit = make_unit(store)
    events = [make_envelope(id=str(number)) for number in range(5)]
    assert len(unit.take("x", events, lambda *_: None).handled) == 5
    assert len(unit.take("x", events, lambda *_: None).duplicates) == 5
    assert unit.once("k", "p", lambda _: {"n": 1, "deep": [{"a": None}]}) == {"n": 1, "deep": [{"a": None}]}
    assert unit.once("k", "p", lambda _: {"n": 2}) == {"n": 1, "deep": [{"a": None}]}
    assert len(store.read(INBOX, [f"x:/monitor:{number}" for number in range(5)])) == 5
