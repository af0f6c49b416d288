"""Walks over rows in order of their start, window by window, so that no read is long however much there is.

Clocks, unless another collection is named; its rows have a `place` as clocks do, and an index on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.clock import format_instant, parse_instant
from shared.store import Document
from shared.unit_of_work import Work

CLOCKS = "clocks"
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)
"""No clock is older: service desks did not keep such history."""
_WINDOW = timedelta(days=30)
_NARROWEST = timedelta(seconds=1)


def windows(
    work: Work,
    where: Mapping[str, Any],
    cursor: str | None,
    since: datetime | None,
    until: datetime | None,
    page: int,
    *,
    collection: str = CLOCKS,
) -> Iterator[list[Document]]:
    """Rows in order of place, window by window: an open window would read all that follows (shared.unit_of_work).

    Windows widen while they bring little, so that empty years cost a few reads. None starts in the future.
    """
    after = cursor or format_instant(max(since or BEGINNING, BEGINNING))
    low, width = _start_of(after), _WINDOW
    latest = work.now + _WINDOW
    end = min(until or latest, latest)
    while low < end:
        high = min(low + width, end)
        found = work.store.find(collection, where, sort="place", after=after, until=format_instant(high), limit=page)
        yield found
        if len(found) == page:
            after, width = found[-1]["place"], max(width / 2, _NARROWEST)
            low = _start_of(after)
        else:
            after, width = format_instant(high), width * 2
            low = high


def page_of(
    work: Work,
    cursor: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    *,
    collection: str = CLOCKS,
) -> tuple[list[Document], str | None]:
    """Up to `limit` rows that start in the period, after `cursor`; and the cursor of the next page, if there is one.

    `since` is in the period, `until` is not.
    """
    found = list[Document]()
    for window in windows(work, {}, cursor, since, until, limit + 1, collection=collection):
        found += window
        if len(found) > limit:
            return found[:limit], str(found[limit - 1]["place"])
    return found, None


def _start_of(place: str) -> datetime:
    return parse_instant(place.split(" ")[0], pointer="/args/cursor")
