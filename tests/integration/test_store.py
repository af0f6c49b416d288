"""One conformance suite for every store: what a service is tried with in memory holds in the database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import mongoengine
import pytest

from deploy.local.database import Database
from shared.audit import ANCHORS, anchor, verify
from shared.clock import FixedClock
from shared.errors import Conflict, Unavailable
from shared.ids import SystemIds
from shared.lease import Leases
from shared.mongo import MongoStore, connect
from shared.schema import backbone, ensure, own
from shared.storage import to_document
from shared.store import AUDIT, INBOX, JOURNAL, Document, Store, Writes
from shared.testing import MemoryStore, make_cause, make_envelope, make_instant
from shared.unit_of_work import UnitOfWork, Work
from tests.unit.shared.records import THINGS, Step, make_event, make_thing

ALIAS = "conformance"


class ThingDocument(mongoengine.DynamicDocument):
    id = mongoengine.StringField(primary_key=True)
    meta = {  # noqa: RUF012
        "collection": "things",
        "db_alias": ALIAS,
        "auto_create_index": False,
        "indexes": [("key", "version"), "key", "title", "rank", "tags", ("title", "rank")],
    }


class ClaimDocument(mongoengine.DynamicDocument):
    id = mongoengine.StringField(primary_key=True)
    meta = {"collection": "claims", "db_alias": ALIAS, "auto_create_index": False, "indexes": [("key", "version")]}  # noqa: RUF012


@pytest.fixture(scope="module")
def mongo(database: Database) -> Iterator[MongoStore]:
    name = f"t{uuid4().hex[:12]}"
    db = connect(database.uri, name, ALIAS)
    prepare(db)
    yield MongoStore(db)
    db.client.drop_database(name)
    mongoengine.disconnect(ALIAS)


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    real: MongoStore = request.getfixturevalue("mongo")
    for name in real.database.list_collection_names():
        real.database[name].delete_many({})
    return real


def make_unit(store: Store) -> UnitOfWork:
    return UnitOfWork(store, FixedClock(make_instant()), SystemIds(), pause=lambda _: None)


def make_row(key: str, version: int = 1, **fields: Any) -> Document:
    return {"_id": key, "key": key, "version": version, **fields}


def insert(store: Store, *rows: Document, collection: str = "things") -> None:
    store.commit(Writes(inserts={collection: {row["_id"]: row for row in rows}}))


def update(key: str, expected: int, **fields: Any) -> Writes:
    return Writes(updates={"things": {key: (expected, make_row(key, expected + 1, **fields))}})


def things(store: Store, *keys: str) -> dict[str, Document]:
    return {row["_id"]: row for row in store.read("things", list(keys) or ["a", "b", "c"])}


def test_what_is_committed_is_read_as_it_was_written(store: Store) -> None:
    row = make_row(
        "a",
        at=make_instant(),
        pair=["p", "q"],
        n=1.5,
        yes=True,
        none=None,
        raw=b"\x00\xff",
        deep={"list": [1, {"x": "ü"}]},
    )
    insert(store, {**row, "at": row["at"] + timedelta(microseconds=999), "pair": ("p", "q")})
    assert things(store) == {"a": row}


def test_what_is_not_there_is_left_out(store: Store) -> None:
    insert(store, make_row("a"))
    assert set(things(store, "a", "missing")) == {"a"}
    assert store.read("things", []) == store.read("nowhere", ["a"]) == []


def test_a_row_in_hand_is_not_the_row_in_the_store(store: Store) -> None:
    insert(store, make_row("a", tags=["x"]))
    store.read("things", ["a"])[0]["tags"].append("y")
    store.find("things", {"title": None})
    assert things(store)["a"]["tags"] == ["x"]


def test_a_key_that_is_there_is_a_conflict(store: Store) -> None:
    insert(store, make_row("a", title="first"))
    with pytest.raises(Conflict):
        insert(store, make_row("a", title="second"))
    assert things(store)["a"]["title"] == "first"


def test_an_update_replaces_the_version_that_it_expects_and_no_other(store: Store) -> None:
    insert(store, make_row("a", old=True))
    store.commit(update("a", 1, title="new"))
    assert things(store)["a"] == make_row("a", 2, title="new")
    for wrong in (1, 3):
        with pytest.raises(Conflict):
            store.commit(update("a", wrong, title="late"))
    with pytest.raises(Conflict):
        store.commit(update("missing", 1))
    assert things(store)["a"]["title"] == "new"


def test_of_two_writers_on_one_version_one_wins(store: Store) -> None:
    insert(store, make_row("a"))
    outcomes = []
    for writer in ("one", "other"):
        try:
            store.commit(update("a", 1, title=writer))
            outcomes.append(writer)
        except Conflict:
            outcomes.append("conflict")
    assert outcomes == ["one", "conflict"]
    assert things(store)["a"]["title"] == "one"


def test_a_delete_needs_the_version_that_it_expects(store: Store) -> None:
    insert(store, make_row("a", 2), make_row("b"))
    with pytest.raises(Conflict):
        store.commit(Writes(deletes={"things": {"a": 1}}))
    with pytest.raises(Conflict):
        store.commit(Writes(deletes={"things": {"missing": 1}}))
    store.commit(Writes(deletes={"things": {"a": 2}}))
    assert set(things(store)) == {"b"}


def test_a_claim_given_back_can_be_taken_again_in_one_commit_and_later(store: Store) -> None:
    insert(store, make_row("k", holder="one"), collection="claims")
    again = {"claims": {"k": make_row("k", holder="other")}}
    store.commit(Writes(deletes={"claims": {"k": 1}}, inserts=again))
    assert store.read("claims", ["k"])[0]["holder"] == "other"
    store.commit(Writes(deletes={"claims": {"k": 1}}))
    insert(store, make_row("k", holder="third"), collection="claims")
    assert store.read("claims", ["k"])[0]["holder"] == "third"


def failing() -> list[Writes]:
    row = {"things": {"c": make_row("c")}}
    return [
        Writes(inserts={**row, "claims": {"k": make_row("k")}}),
        Writes(inserts=row, updates={"things": {"a": (1, make_row("a", 2)), "b": (7, make_row("b", 8))}}),
        Writes(inserts=row, deletes={"things": {"a": 1, "b": 7}}),
        Writes(inserts=row, deletes={"things": {"a": 1}}, updates={"things": {"b": (7, make_row("b", 8))}}),
        Writes(inserts=row, fences=[("due", 3)]),
        Writes(inserts=row, fences=[("no-such-lease", 1)]),
        Writes(inserts={"things": {"c": make_row("c"), "a": make_row("a"), "d": make_row("d")}}),
    ]


@pytest.mark.parametrize("case", range(len(failing())))
def test_nothing_of_a_commit_that_meets_a_conflict_is_written(store: Store, case: int) -> None:
    insert(store, make_row("a"), make_row("b"))
    insert(store, make_row("k"), collection="claims")
    insert(store, make_row("due", token=4), collection="leases")
    with pytest.raises(Conflict):
        store.commit(failing()[case])
    assert things(store, "a", "b", "c", "d") == {"a": make_row("a"), "b": make_row("b")}


def test_a_fence_lets_through_the_holder_of_the_token(store: Store) -> None:
    insert(store, make_row("due", token=4), collection="leases")
    for key in ("a", "b"):
        store.commit(Writes(inserts={"things": {key: make_row(key)}}, fences=[("due", 4)]))
    assert set(things(store)) == {"a", "b"}


def test_rows_are_found_by_equality_and_by_any_of(store: Store) -> None:
    insert(
        store, make_row("a", title="x", tags=["p", "q"]), make_row("b", title="y", tags=["q"]), make_row("c", title="z")
    )

    def found(**where: Any) -> set[str]:
        return {row["_id"] for row in store.find("things", where)}

    assert found(title="x") == {"a"}
    assert found(title=["x", "y", "other"]) == found(title=("x", "y")) == {"a", "b"}
    assert found(tags="q") == {"a", "b"}
    assert found(tags=["p", "r"]) == {"a"}
    assert found(title=[]) == set()
    assert found() == {"a", "b", "c"}
    assert found(title=None) == set()
    assert len(store.find("things", {}, limit=2)) == 2


def test_a_sorted_window_is_open_below_and_closed_above(store: Store) -> None:
    insert(store, *(make_row(f"r{n}", rank=n, title="xy"[n % 2]) for n in range(10)), make_row("none", title="x"))

    def ranks(where: Document | None = None, **window: Any) -> list[int]:
        return [row["rank"] for row in store.find("things", where or {}, sort="rank", **window)]

    assert ranks(after=2, until=6) == [3, 4, 5, 6]
    assert ranks(after=7) == [8, 9]
    assert ranks(until=1) == [0, 1]
    assert ranks() == list(range(10))
    assert ranks(after=2, until=9, limit=3) == [3, 4, 5]
    assert ranks({"title": "x"}, after=0, until=8) == [2, 4, 6, 8]
    assert ranks(after=9, until=20) == []


def test_windows_over_instants_and_texts_work_alike(store: Store) -> None:
    start = make_instant()
    insert(store, *(make_row(f"r{n}", rank=start + timedelta(milliseconds=n)) for n in range(5)))
    rows = store.find("things", {}, sort="rank", after=start, until=start + timedelta(milliseconds=2))
    assert [row["_id"] for row in rows] == ["r1", "r2"]
    assert [row["_id"] for row in store.find("things", {}, sort="key", after="r2", limit=5)] == ["r3", "r4"]


def test_reserved_numbers_never_overlap_and_start_at_one(store: Store) -> None:
    counter = uuid4().hex
    assert [store.reserve(counter, 10), store.reserve(counter, 1), store.reserve(counter, 5)] == [1, 11, 12]
    assert store.reserve("other" + counter, 1) == 1


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


def test_writers_at_the_same_moment_lose_nothing(mongo: MongoStore) -> None:
    key = uuid4().hex

    def count_up(work: Work) -> None:
        row = work.load("things", [key]).get(key, {"n": 0})
        work.put("things", key, {"n": row["n"] + 1})

    def writer(_: int) -> None:
        unit = UnitOfWork(mongo, FixedClock(make_instant()), SystemIds(), attempts=100)
        for _ in range(5):
            unit.run(count_up)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(writer, range(4)))
    assert (mongo.read("things", [key])[0]["n"], mongo.read("things", [key])[0]["version"]) == (20, 20)


def test_of_writers_at_the_same_moment_one_takes_the_claim(mongo: MongoStore) -> None:
    key, barrier = uuid4().hex, threading.Barrier(4)

    def writer(name: int) -> int | None:
        barrier.wait()
        try:
            mongo.commit(Writes(inserts={"claims": {key: make_row(key, holder=name)}}))
        except Conflict:
            return None
        return name

    with ThreadPoolExecutor(4) as pool:
        winners = [name for name in pool.map(writer, range(4)) if name is not None]
    assert winners == [mongo.read("claims", [key])[0]["holder"]]


def test_copies_of_a_batch_at_the_same_moment_have_one_effect(mongo: MongoStore) -> None:
    source, barrier = uuid4().hex, threading.Barrier(4)
    events = [make_envelope(id=str(number), source=source) for number in range(20)]

    def handle(_: int) -> int:
        unit = UnitOfWork(mongo, FixedClock(make_instant()), SystemIds(), attempts=100)

        def block(work: Work, fresh: Any) -> None:
            for envelope in fresh:
                work.append("things", f"{source}:{envelope.id}:{work.ids.new()}", {"title": source})

        barrier.wait()
        return len(unit.take("x", events, block).handled)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(handle, range(4))) == [0, 0, 0, 20]
    assert len(mongo.find("things", {"title": source})) == 20


def test_numbers_reserved_at_the_same_moment_never_overlap(mongo: MongoStore) -> None:
    counter = uuid4().hex

    def reserve(_: int) -> int:
        return UnitOfWork(mongo, FixedClock(make_instant()), SystemIds(), attempts=100).run(
            lambda _: mongo.reserve(counter, 10)
        )

    with ThreadPoolExecutor(4) as pool:
        firsts = sorted(pool.map(reserve, range(40)))
    # Gaps are allowed: the embedded database may count twice for takers that make the counter at the same moment.
    assert all(later - earlier >= 10 for earlier, later in pairwise(firsts))


def test_making_the_indexes_again_changes_nothing(mongo: MongoStore) -> None:
    before = {name: sorted(mongo.database[name].index_information()) for name in ("things", JOURNAL, INBOX, AUDIT)}
    prepare(mongo.database)
    assert {name: sorted(mongo.database[name].index_information()) for name in before} == before


def test_a_database_that_is_not_there_is_unavailable() -> None:
    alias = uuid4().hex
    client: Any = mongoengine.connect(alias=alias, host="mongodb://127.0.0.1:1/", serverSelectionTimeoutMS=200)
    away = MongoStore(client.get_database("none"))
    for attempt in (
        lambda: away.read("things", ["a"]),
        lambda: away.find("things", {}),
        lambda: away.reserve("c", 1),
        lambda: away.commit(Writes(inserts={"things": {"a": make_row("a")}})),
    ):
        with pytest.raises(Unavailable):
            attempt()
    mongoengine.disconnect(alias)


def test_a_new_retention_counts_for_what_is_there_already(mongo: MongoStore) -> None:
    def expiry() -> int:
        return int(mongo.database["journal"].index_information()["at_1"]["expireAfterSeconds"])

    assert ensure(mongo.database, backbone(inbox_days=30, journal_days=7)) == 1
    assert expiry() == 7 * 24 * 60 * 60
    assert prepare(mongo.database) == 1
    assert expiry() == 400 * 24 * 60 * 60


def prepare(database: Any) -> int:
    return ensure(database, {**backbone(inbox_days=30, journal_days=400), **own([ThingDocument, ClaimDocument])})
