"""Transactions that nobody would end: of a killed process, and of one that the network cut off."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.database import Database as Mongo

from deploy.local.database import Database
from shared.errors import Conflict, Unavailable
from shared.mongo import MongoStore, translated
from shared.schema import backbone, ensure
from shared.store import INBOX, Writes
from tests.faults.proxy import Proxy


def client(port: int) -> MongoClient[dict[str, Any]]:
    times = {"serverSelectionTimeoutMS": 2000, "socketTimeoutMS": 1000}
    return MongoClient(f"mongodb://127.0.0.1:{port}/?directConnection=true", tz_aware=True, **times)


@pytest.fixture
def mongo(database: Database) -> Iterator[Mongo[dict[str, Any]]]:
    with client(database.port) as one:
        found = one[f"sessions_{uuid4().hex[:8]}"]
        ensure(found, backbone(inbox_days=1, journal_days=1))
        yield found


def mark(key: str) -> Writes:
    return Writes(inserts={INBOX: {key: {"_id": key, "key": key}}})


def _die_in_a_transaction(port: int, name: str) -> None:
    database = client(port)[name]
    with MongoStore(database).transaction() as session:
        database[INBOX].insert_one({"_id": "a", "key": "a"}, session=session)
        os._exit(9)


def test_a_start_ends_the_transaction_that_a_killed_process_left_open(mongo: Mongo[dict[str, Any]]) -> None:
    _, port = mongo.client.address or ("", 0)
    dying = multiprocessing.get_context("spawn").Process(target=_die_in_a_transaction, args=(port, mongo.name))
    dying.start()
    dying.join()
    store = MongoStore(mongo)
    with pytest.raises(Conflict):
        store.commit(mark("a"))

    store.end_abandoned()

    store.commit(mark("a"))
    assert store.read(INBOX, ["a"])


def test_a_start_leaves_the_sessions_of_running_processes_alone(mongo: Mongo[dict[str, Any]]) -> None:
    working = MongoStore(mongo)
    with working.transaction() as session:
        mongo[INBOX].insert_one({"_id": "b", "key": "b"}, session=session)
        mongo["sessions"].update_many({}, {"$set": {"pid": os.getppid()}})
        MongoStore(mongo).end_abandoned()

    assert working.read(INBOX, ["b"])


def insert_while_the_network_goes(store: MongoStore, proxy: Proxy) -> None:
    with translated(), store.transaction() as session:
        store.database[INBOX].insert_one({"_id": "d", "key": "d"}, session=session)
        proxy.refuse()
        store.database[INBOX].insert_one({"_id": "e", "key": "e"}, session=session)


def test_what_the_network_cut_off_is_ended_before_the_next_commit(mongo: Mongo[dict[str, Any]]) -> None:
    _, port = mongo.client.address or ("", 0)
    proxy = Proxy(port)
    proxy.start()
    with client(proxy.port) as far:
        store = MongoStore(far[mongo.name])
        store.commit(mark("c"))
        with pytest.raises(Unavailable):
            insert_while_the_network_goes(store, proxy)
        with pytest.raises(Conflict):
            MongoStore(mongo).commit(mark("d"))
        proxy.heal()

        started = time.monotonic()
        store.commit(mark("d"))

    assert time.monotonic() - started < 10
    proxy.close()
