"""The stores of the conformance suite: in memory, and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import mongoengine
import pytest

from deploy.local.database import Database
from shared.mongo import MongoStore, connect
from shared.store import Store
from shared.testing import MemoryStore
from tests.integration.store.rows import ALIAS, prepare


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
