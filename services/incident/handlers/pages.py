"""What a record's rows tell, page by page. Their keys end in numbers that rise, so a page is read by its keys."""

from __future__ import annotations

from collections.abc import Iterator

from shared.store import Document
from shared.unit_of_work import Work
from shared.weight import length

PAGE_ROWS = 200
"""Rows of one page at most."""
PAGE_BYTES = 512 * 1024
"""Bytes of one page at most, as the database holds its rows; a single row may be longer."""
_WINDOW = 20


def page(work: Work, collection: str, record: str, after: int, last: int) -> tuple[list[Document], int | None]:
    """The rows `<record>:<number>` with numbers above `after`, in their order, and the number to go on after, None on
    the last page. Not every number up to `last` need have a row."""
    rows: list[Document] = []
    room, reached = PAGE_BYTES, after
    for number, row in _rows(work, collection, record, after, last):
        room -= length(collection, row)
        if rows and (room < 0 or len(rows) >= PAGE_ROWS):
            return rows, reached
        rows.append(row)
        reached = number
    return rows, None


def _rows(work: Work, collection: str, record: str, after: int, last: int) -> Iterator[tuple[int, Document]]:
    for start in range(after + 1, last + 1, _WINDOW):
        numbers = range(start, min(start + _WINDOW, last + 1))
        rows = {row["_id"]: row for row in work.store.read(collection, [f"{record}:{number}" for number in numbers])}
        yield from ((number, rows[key]) for number in numbers if (key := f"{record}:{number}") in rows)
