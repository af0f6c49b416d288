"""The store on the database: writers at the same moment, indexes, retention, absence."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from uuid import uuid4

import mongoengine
import pytest

from shared.clock import FixedClock
from shared.errors import Conflict, Unavailable
from shared.ids import SystemIds
from shared.mongo import MongoStore
from shared.schema import backbone, ensure
from shared.store import AUDIT, INBOX, JOURNAL, Writes
from shared.testing import make_envelope, make_instant
from shared.unit_of_work import UnitOfWork, Work
from tests.integration.store.rows import make_row, prepare


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
