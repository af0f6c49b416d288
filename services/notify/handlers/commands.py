"""What a person may ask of notify: see deliveries, send one or many again, stop one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.notify.domain import delivery as lifecycle
from services.notify.domain.delivery import Delivery
from shared.batching import fitting
from shared.clock import format_instant
from shared.command import Command
from shared.errors import Invalid
from shared.storage import Repository, Stored
from shared.store import Document
from shared.unit_of_work import Work

FILTERS = (
    frozenset[str](),
    frozenset({"state"}),
    frozenset({"event"}),
    frozenset({"record"}),
    frozenset({"recipient"}),
    frozenset({"recipient", "state"}),
)
"""Which filters of `find` go together: each set has an index of its own in storage."""

Show = Callable[[str, int, Delivery], Document]

END_OF_TIME = "9999"
"""Sorts after the place of any delivery."""


def get(
    work: Work, command: Command, _args: Mapping[str, Any], *, deliveries: Repository[Delivery], show: Show
) -> Document:
    """One delivery as `show` gives it: with its words and all its attempts."""
    stored = deliveries.get(work, command.require_number())
    return show(stored.key, stored.version, stored.state)


def find(work: Work, _command: Command, args: Mapping[str, Any], *, deliveries: Repository[Delivery]) -> Document:
    """A page of deliveries, the oldest first: `{"records": [...], "next": cursor or null}`.

    Filters: `state`, `event`, `record`, `recipient`, and `recipient` with `state`; `since` (included)
    and `until` (not included) bound the time of planning. Raises Invalid when other filters are combined.
    """
    page, following = _page(work, args, deliveries)
    records = [deliveries.shape.snapshot(stored.key, stored.version, stored.state) for stored in page]
    return {"records": records, "next": following}


def _page(
    work: Work, args: Mapping[str, Any], deliveries: Repository[Delivery]
) -> tuple[list[Stored[Delivery]], str | None]:
    where = {name: args[name] for name in ("state", "event", "record", "recipient") if name in args}
    if where.keys() not in FILTERS:
        raise Invalid(f"the filters {', '.join(sorted(where))} cannot be combined", pointer="/args")
    limit: int = args["limit"]
    after = args.get("cursor") or _bound(args.get("since"), "")
    until = _bound(args.get("until"), END_OF_TIME)
    collection = deliveries.shape.collection
    rows = work.store.find(collection, where, limit=limit + 1, sort="place", after=after, until=until)
    page = deliveries.get_many(work, [row["_id"] for row in work.adopt(collection, rows[:limit])])
    return list(page.values()), rows[limit - 1]["place"] if len(rows) > limit else None


def resend(work: Work, command: Command, args: Mapping[str, Any], *, deliveries: Repository[Delivery]) -> Document:
    """Send one again that has ended or is doubtful, or, without a number, all that fit the filters.

    With the version as expected it happens once, however often it is asked. A group is done page by page: the answer
    is `{"resent": how many, "numbers": [...], "next": cursor or null}`.
    """
    if command.number is None:
        return _resend_group(work, command, args, deliveries)
    stored = deliveries.get(work, command.number, expected_version=command.expected_version)
    saved = _resend(work, stored, command, deliveries)
    return deliveries.shape.snapshot(saved.key, saved.version, saved.state)


def _resend_group(work: Work, command: Command, args: Mapping[str, Any], deliveries: Repository[Delivery]) -> Document:
    if "state" not in args:
        raise Invalid("a number, or a state of those that are meant, is needed", pointer="/args/state")
    page, following = _fitting(*_page(work, args, deliveries))
    numbers = [_resend(work, stored, command, deliveries).key for stored in page]
    return {"resent": len(numbers), "numbers": numbers, "next": following}


def _fitting(page: Sequence[Stored[Delivery]], following: str | None) -> tuple[Sequence[Stored[Delivery]], str | None]:
    """As much of a page as one transaction takes, and where it goes on: each is written with its words."""
    sizes = [len(f"{stored.state.content.text}{stored.state.content.body}".encode()) for stored in page]
    count = fitting(sizes, len(page)) if page else 0
    return (page, following) if count == len(page) else (page[:count], page[count - 1].state.place)


def _resend(
    work: Work, stored: Stored[Delivery], command: Command, deliveries: Repository[Delivery]
) -> Stored[Delivery]:
    state, events = lifecycle.resend(stored.state, work.now)
    return deliveries.save(work, stored, state, events, command.cause)


def cancel(work: Work, command: Command, args: Mapping[str, Any], *, deliveries: Repository[Delivery]) -> Document:
    """Stop a delivery that waits to be sent; `reason` is kept in the audit."""
    stored = deliveries.get(work, command.require_number(), expected_version=command.expected_version)
    state, events = lifecycle.cancel(stored.state, args["reason"], work.now)
    saved = deliveries.save(work, stored, state, events, command.cause)
    return deliveries.shape.snapshot(saved.key, saved.version, saved.state)


def _bound(at: datetime | None, default: str) -> str:
    return default if at is None else format_instant(at)
