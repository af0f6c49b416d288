"""A database whose process stands still: its services see it, say what they wanted to write, and go on after it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient, WriteConcern

from deploy.local.database import Database
from shared.errors import Unavailable
from shared.mongo import MongoStore
from shared.standstill import STANDSTILL_SECONDS, Commits
from shared.testing import make_envelope
from shared.unit_of_work import UnitOfWork, Work
from tests.integration.store.rows import make_row, make_unit, prepare, things

PATIENCE_MS = 700


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Database]:
    one = Database(tmp_path / "database", cache="128M")
    one.start()
    yield one
    one.kill()


@pytest.fixture
def store(server: Database) -> Iterator[MongoStore]:
    client: MongoClient[dict[str, object]] = MongoClient(
        server.uri, socketTimeoutMS=PATIENCE_MS, serverSelectionTimeoutMS=PATIENCE_MS, connectTimeoutMS=PATIENCE_MS
    )
    database = client.get_database("standstill", write_concern=WriteConcern("majority", j=True))
    prepare(database)
    yield MongoStore(database)
    client.close()


def add(unit: UnitOfWork, key: str) -> None:
    def block(work: Work, _: object) -> None:
        work.append("things", key, make_row(key))

    unit.take("probe", [make_envelope(id=key)], block)


def test_a_database_that_stands_still_is_told_and_is_well_after_its_restart(
    server: Database, store: MongoStore
) -> None:
    now = [0.0]
    store.commits = Commits(lambda: now[0])
    unit = make_unit(store)
    add(unit, "a")
    assert store.commits.fault() is None
    (pid,) = server.pids
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(Unavailable):
        add(unit, "b")
    for _ in range(2):
        now[0] += STANDSTILL_SECONDS / 2
        with pytest.raises(Unavailable):
            add(unit, "b")
    assert "no commit has succeeded for 60 s" in str(store.commits.fault())
    assert store.commits.share == 2
    server.kill()
    server.start()
    add(unit, "b")
    assert store.commits.fault() is None
    assert set(things(store, "a", "b")) == {"a", "b"}
