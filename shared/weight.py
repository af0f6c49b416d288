"""What a commit writes, and how much of it may be. Pure.

The embedded database stands still for ever when the transactions of one moment hold more than a twentieth of its
cache (docs/measurements.md), and what came in says little of what is written: an action of 200 bytes may write a
record of 200,000. So what counts is what a transaction writes, as the database will hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bson
from bson.errors import BSONError

from shared.errors import TooLarge, Unstorable
from shared.store import Document, Writes

MOST_WRITTEN = 2 * 1024 * 1024
"""Bytes of one transaction. A twentieth of the cache of `make run` is 25 MB, and ten processes may commit at once."""
MOST_DOCUMENTS = 4_000
"""Documents of one transaction, those it removes included. A hundred events write about a thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """Bytes and documents of one commit; `collections` holds the number of documents of each."""

    bytes: int
    documents: int
    collections: Mapping[str, int]

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {count}" for name, count in sorted(self.collections.items()))
        return f"{self.documents} documents of {self.bytes} bytes ({parts})"


def weigh(writes: Writes) -> Weight:
    """The weight of what is to be written. Raises Unstorable for what BSON cannot express."""
    size = 0
    collections: dict[str, int] = {}
    for collection, document in _documents(writes):
        size += length(collection, document)
        collections[collection] = collections.get(collection, 0) + 1
    for collection, deletes in writes.deletes.items():
        if deletes:
            collections[collection] = collections.get(collection, 0) + len(deletes)
    return Weight(bytes=size, documents=sum(collections.values()), collections=collections)


def check(writes: Writes) -> Weight:
    """The weight of what may be written in one transaction. Raises TooLarge, and Unstorable as `weigh` does."""
    found = weigh(writes)
    if found.bytes > MOST_WRITTEN or found.documents > MOST_DOCUMENTS:
        raise TooLarge(
            f"it would write {found.bytes} bytes in {found.documents} documents at once, most of it to "
            f"{_heaviest(writes)}; {MOST_WRITTEN} bytes and {MOST_DOCUMENTS} documents are allowed"
        )
    return found


def _documents(writes: Writes) -> list[tuple[str, Document]]:
    inserts = [(name, row) for name, rows in writes.inserts.items() for row in rows.values()]
    return inserts + [(name, row) for name, rows in writes.updates.items() for _, row in rows.values()]


def length(collection: str, document: Document) -> int:
    """Bytes of a document as the database holds it. Raises Unstorable."""
    try:
        return len(bson.encode(document))
    except (BSONError, OverflowError, UnicodeEncodeError, RecursionError) as error:
        raise Unstorable(f"{collection} cannot hold it: {error}"[:300]) from None


def _heaviest(writes: Writes) -> str:
    sums: dict[str, int] = {}
    for collection, document in _documents(writes):
        sums[collection] = sums.get(collection, 0) + length(collection, document)
    return max(sums, key=sums.__getitem__, default="nothing")
