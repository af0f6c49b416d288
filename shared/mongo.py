"""The store on MongoDB: one transaction a commit, through pymongo sessions on mongoengine's collections.

mongoengine gives documents and indexes; it has no sessions, so nothing is written through it (docs/measurements.md).
The transaction is `w: majority` with journal, so what `commit` returned from survives a kill -9.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import mongoengine
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from pymongo import DeleteOne, MongoClient, ReadPreference, ReplaceOne, ReturnDocument, WriteConcern
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)
from pymongo.read_concern import ReadConcern

from shared.broken_connection import broke
from shared.errors import Conflict, Crowded, DeskwireError, TooLarge, Unavailable, Unstorable
from shared.sessions import Sessions
from shared.standstill import Commits
from shared.store import Document, Writes
from shared.turnstile import Turnstile

DUPLICATE = 11000
WRITE_CONFLICT = 112
LEASES = "leases"
POSITIONS = "positions"
COUNTERS = "counters"
RESERVE_ATTEMPTS = 10
_RACES = frozenset({DUPLICATE, WRITE_CONFLICT, 251})
_TOO_LARGE_CODES = frozenset({257, 313, 10334, 17280, 17419, 17420})
"""TransactionTooLarge, TransactionTooLargeForCache, BSONObjectTooLarge, KeyTooLong, and updates past the limit."""
_CACHE_FULL = re.compile(r"cache|evict", re.IGNORECASE)
"""How WiredTiger says that the transactions of the moment hold too much of its cache."""
_UNAVAILABLE_CODES = frozenset({6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})


def connect(uri: str, database: str, alias: str) -> Database[Document]:
    """Connect under an alias of mongoengine's; lazily, so it never fails. Times are short: callers try again."""
    mongoengine.connect(
        db=database,
        alias=alias,
        host=uri,
        tz_aware=True,
        uuidRepresentation="standard",
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=3_000,
        socketTimeoutMS=20_000,
        waitQueueTimeoutMS=3_000,
        maxPoolSize=20,
        retryWrites=True,
    )
    client: MongoClient[Document] = mongoengine.get_connection(alias)
    # The driver's own UTC is written in Python: comparing its instants with ours takes eight times as long.
    options: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
    return client.get_database(database, codec_options=options, write_concern=WriteConcern("majority", j=True))


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into the house's; what is none of these passes.

    Conflict: another writer was first. Crowded: too much of the cache is held at this moment. TooLarge: this
    transaction or document is too large by itself. Unstorable: BSON cannot express it. Unavailable: an outage.
    """
    try:
        yield
    except Exception as error:
        meaning = _meaning(error)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(error: Exception) -> DeskwireError | None:
    faults = _faults(error)
    codes = {code for code, _ in faults}
    if codes & _TOO_LARGE_CODES or isinstance(error, DocumentTooLarge):
        return TooLarge("the database says that this is too large for one transaction or one document")
    if isinstance(error, ConnectionFailure):
        return Unavailable(f"the database does not answer: {type(error).__name__}")
    # What a duplicate key says holds the key, and that is a sender's word.
    if any(code != DUPLICATE and _CACHE_FULL.search(message) for code, message in faults):
        return Crowded("the database's cache has no room for all transactions of this moment")
    if isinstance(error, BSONError | OverflowError):
        return Unstorable(f"the database cannot hold it: {error}"[:300])
    if codes & _UNAVAILABLE_CODES and isinstance(error, OperationFailure):
        return Unavailable(f"the database is not ready: code {error.code}")
    transient = isinstance(error, PyMongoError) and error.has_error_label("TransientTransactionError")
    if codes & _RACES or transient or isinstance(error, DuplicateKeyError):
        return Conflict("another writer was first")
    return Unavailable(f"the database does not answer: {type(error).__name__}") if broke(error) else None


def _is_answer(error: Exception) -> bool:
    """Whether the database has answered, though with no."""
    return isinstance(error, DeskwireError) or not isinstance(_meaning(error) or error, Unavailable | PyMongoError)


def _faults(error: Exception) -> list[tuple[int | None, str]]:
    """The codes and messages of an error; a bulk write has one for each operation that failed."""
    if isinstance(error, BulkWriteError):
        details = [*error.details.get("writeErrors", ()), *error.details.get("writeConcernErrors", ())]
        return [(one.get("code"), str(one.get("errmsg", ""))) for one in details]
    return [(error.code, str(error))] if isinstance(error, OperationFailure) else []


class MongoStore:
    """`shared.unit_of_work.Store` over one database."""

    def __init__(self, database: Database[Document]) -> None:
        self.database = database
        self._sessions = Sessions(database)
        self._known: frozenset[str] = frozenset()
        self._turnstile = Turnstile()
        self.fault: str | None = None
        """Why the last attempt found the database out of reach; None when it did not."""
        self.commits = Commits()

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """`translated`, and a note of whether the database was reached."""
        try:
            with translated():
                yield
        except Unavailable as error:
            self.fault = error.message
            self.commits.failed()
            raise
        self.fault = None

    def read(self, collection: str, keys: Collection[str]) -> list[Document]:
        if not keys:
            return []
        with self._reached():
            return list(self.database[collection].find({"_id": {"$in": list(keys)}}))

    def find(
        self,
        collection: str,
        where: Mapping[str, Any],
        *,
        limit: int = 1000,
        sort: str | None = None,
        after: Any = None,
        until: Any = None,
        fields: Collection[str] | None = None,
    ) -> list[Document]:
        query: Document = {
            name: {"$in": list(value)} if isinstance(value, list | tuple | set | frozenset) else value
            for name, value in where.items()
        }
        if sort is not None:
            window = {"$gt": after, "$lte": until}
            query[sort] = {sign: bound for sign, bound in window.items() if bound is not None} or {"$ne": None}
        with self._reached():
            cursor = self.database[collection].find(query, fields, limit=limit)
            return list(cursor if sort is None else cursor.sort(sort, 1))

    def count(self, collection: str, where: Mapping[str, Any]) -> int:
        with self._reached():
            return self.database[collection].count_documents(dict(where))

    def commit(self, writes: Writes) -> None:
        self._know(writes)
        # UnknownTransactionCommitResult needs no case of its own: the caller gets Unavailable, runs the whole block
        # again, and the inbox rows of this commit tell it that the work is done.
        with self._turnstile.passing(writes.weight), self._reached(), self.transaction(writes.summary) as session:
            for lease, token in writes.fences:
                held = {"key": lease, "token": token}
                self._expect(self.database[LEASES].update_one(held, {"$inc": {"used": 1}}, session=session), 1)
            for collection, deletes in writes.deletes.items():
                operations = [DeleteOne({"key": key, "version": version}) for key, version in deletes.items()]
                if operations:
                    result = self.database[collection].bulk_write(operations, ordered=False, session=session)
                    self._check(result.deleted_count, len(operations), collection)
            for collection, inserts in writes.inserts.items():
                if inserts:
                    rows = list(inserts.values())
                    self.database[collection].insert_many(rows, ordered=False, session=session)
            for collection, updates in writes.updates.items():
                replaces = [
                    ReplaceOne({"key": key, "version": version}, document)
                    for key, (version, document) in updates.items()
                ]
                if replaces:
                    changed = self.database[collection].bulk_write(replaces, ordered=False, session=session)
                    self._check(changed.matched_count, len(replaces), collection)

    @contextmanager
    def transaction(self, asked: str = "") -> Iterator[ClientSession]:
        """A transaction of which nothing stays open, however it ends. Raises the driver's errors.

        `asked` says what it writes, should the database stand still of it (shared.standstill).
        """
        with self.commits.asking(asked, _is_answer), self._transaction() as session:
            yield session

    @contextmanager
    def _transaction(self) -> Iterator[ClientSession]:
        self._sessions.end_doubtful()
        with self.database.client.start_session() as session:
            identity = self._sessions.note(session)
            try:
                with session.start_transaction(
                    read_concern=ReadConcern("snapshot"),
                    write_concern=WriteConcern("majority", j=True),
                    read_preference=ReadPreference.PRIMARY,
                ):
                    yield session
            except Exception as error:
                if isinstance(error, ConnectionFailure) or broke(error):
                    self._sessions.doubt(identity)
                raise

    def end_abandoned(self) -> None:
        """End the transactions that killed processes of this machine left open (shared.sessions); at the start."""
        with translated():
            self._sessions.end_abandoned()

    def _know(self, writes: Writes) -> None:
        """Refuse to write to a collection that was not made beforehand.

        A transaction would make it by itself, without its indexes; and in the embedded database that waits for ever
        on another process that makes one at the same time (ADR 3).
        """
        named = {*writes.inserts, *writes.updates, *writes.deletes}
        if not named <= self._known:
            with translated():
                self._known = frozenset(self.database.list_collection_names())
        if not named <= self._known:
            missing = ", ".join(sorted(named - self._known))
            raise Unavailable(f"these collections are not made yet: {missing} (shared.schema)")

    def reserve(self, counter: str, count: int) -> int:
        for _ in range(RESERVE_ATTEMPTS):
            with translated():
                row = self.database[COUNTERS].find_one_and_update(
                    {"_id": counter}, {"$inc": {"next": count}}, upsert=True, return_document=ReturnDocument.AFTER
                )
            # Where two make a counter at the same moment, the embedded database may answer one of them with nothing.
            if row is not None:
                return int(row["next"]) - count + 1
        raise Conflict(f"the counter {counter} has too many takers")

    def _expect(self, result: Any, count: int) -> None:
        self._check(result.matched_count, count, LEASES)

    def _check(self, found: int, expected: int, collection: str) -> None:
        if found != expected:
            raise Conflict(f"{expected - found} documents of {collection} have another version")
