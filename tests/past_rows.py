"""Generated pasts in the database of sla, as the service would have left them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from pymongo import MongoClient

from services.sla.domain.history import Entry
from services.sla.handlers.rows import HISTORY, history_key
from services.sla.handlers.windows import CLOCKS
from services.sla.storage import DOCUMENTS
from shared.clock import format_instant
from shared.schema import ensure, own
from shared.storage import to_document
from shared.store import Document

_AT_ONCE = 500


def fill(client: MongoClient[Document], name: str, pasts: Iterable[Sequence[Entry]]) -> None:
    """Write histories into the database of this name, and of their clocks what finds them."""
    database, left = client[name], iter(pasts)
    ensure(database, own(DOCUMENTS))
    while some := list(islice(left, _AT_ONCE)):
        database[HISTORY].insert_many([_entry_row(entry) for past in some for entry in past])
        database[CLOCKS].insert_many([row for past in some for row in _clock_rows(past[0])])


def _entry_row(entry: Entry) -> Document:
    key = history_key(entry.incident, entry.version)
    return {**to_document(entry), "_id": key, "key": key}


def _clock_rows(first: Entry) -> Iterator[Document]:
    for kind in ("resolution", "response"):
        key = f"{first.incident}:{kind}"
        place = f"{format_instant(first.at)} {key}"
        yield {"_id": key, "key": key, "version": 1, "incident": first.incident, "place": place}
