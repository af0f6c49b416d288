"""What a store of documents promises: reads by key and by index, and commits that write all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Document = dict[str, Any]

INBOX = "inbox"
JOURNAL = "journal"
AUDIT = "audit"
PARKED = "parked"
"""Ids of journal rows that no queue took."""


@dataclass(slots=True)
class Writes:
    """What one commit writes. Every document carries its key under `_id` and again under `key`.

    `inserts` fail on a key that is there (Conflict). `updates` replace the document whose version is `expected` and
    fail when it is another (Conflict). `deletes` remove the document at that version, or fail likewise. They come
    first, so that a claim can be given back and taken again in one commit.
    """

    inserts: dict[str, dict[str, Document]] = field(default_factory=dict)
    updates: dict[str, dict[str, tuple[int, Document]]] = field(default_factory=dict)
    deletes: dict[str, dict[str, int]] = field(default_factory=dict)
    fences: list[tuple[str, int]] = field(default_factory=list)
    weight: int = 0
    """Bytes, as the unit of work has measured them; 0 for what is small by nature."""
    purpose: str = ""
    """For whom it is written: the types of events, or a command's name."""
    summary: str = ""
    """What is written and for whom, for people who look for the cause of a standstill."""

    def __bool__(self) -> bool:
        return bool(self.inserts or self.updates or self.deletes)


class Store(Protocol):
    """Where documents are. MongoDB in a service, memory in unit tests; one conformance suite holds for both."""

    def read(self, collection: str, keys: Collection[str]) -> list[Document]:
        """The documents with these keys, in no order; keys that are not there are left out."""
        ...

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
        """The documents whose fields equal `where`; a list or tuple as value means any of its members.

        With `sort` they come in its ascending order and `after < field <= until` holds for it. `until` should be
        given: an open window reads all that follows (docs/measurements.md). Every field named needs an index.
        With `fields` the documents hold these and `_id` alone, and nothing else of them is read.
        """
        ...

    def count(self, collection: str, where: Mapping[str, Any]) -> int:
        """How many documents have fields that equal `where`. Every field named needs an index."""
        ...

    def commit(self, writes: Writes) -> None:
        """Write all or nothing. Raises Conflict when another writer was first, Unavailable when out of reach,
        TooLarge or Unstorable for what the database does not take."""
        ...

    def reserve(self, counter: str, count: int) -> int:
        """Take `count` numbers off a counter, at once and for ever; returns the first. Never inside a commit."""
        ...
