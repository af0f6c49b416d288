"""A list that grows with a record and is kept apart from it: a row for each entry, in a collection of its own.

Anybody may lengthen such a list, and what a record holds is written again with every action and travels with every
event. So a record holds some of the latest entries and the number of all, which are read from here page by page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shared.ids import joined
from shared.store import Document
from shared.unit_of_work import Work

PAGE = 500
"""Entries in one answer at most."""
LAST = "\U0010ffff"
"""Sorts after every character of a key."""


class Apart:
    """One kind of list. Its collection needs an index of `record` and `key` (`AppendedDocument`)."""

    def __init__(self, collection: str) -> None:
        self.collection = collection

    def has(self, work: Work, record: str, *entry: str) -> bool:
        """Whether the record's list has this entry, as the block sees it; one read by key."""
        key = joined(record, *entry)
        return bool(work.load(self.collection, [key]))

    def missing(self, work: Work, record: str, entries: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """Those of the entries that the record's list has not, each once; one read for all."""
        keys = {entry: joined(record, *entry) for entry in entries}
        there = work.load(self.collection, list(keys.values()))
        return [entry for entry, key in keys.items() if key not in there]

    def add(self, work: Work, record: str, *entry: str, **fields: Any) -> None:
        """Add an entry that is not there yet, which `has` or the record knows; one that is, is a Conflict at commit."""
        work.append(self.collection, joined(record, *entry), {"record": record, "at": work.now, **fields})

    def page(
        self, work: Work, record: str, after: str | None, limit: int = PAGE, *, within: str | None = None
    ) -> tuple[list[Document], str | None]:
        """Entries in order of their keys, and the key to go on after, None on the last page.

        `within` keeps those whose first part it is.
        """
        first = joined(record, "") if within is None else joined(record, within, "")
        window = {"after": max(after or first, first), "until": first + LAST}
        found = work.store.find(self.collection, {"record": record}, limit=limit + 1, sort="key", **window)
        return found[:limit], found[limit - 1]["_id"] if len(found) > limit else None
