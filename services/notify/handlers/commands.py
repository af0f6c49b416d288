"""What a person may ask of notify: see deliveries, send one again, stop one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.notify.domain import delivery as lifecycle
from services.notify.domain.delivery import Delivery
from shared.clock import format_instant
from shared.command import Command
from shared.errors import Invalid
from shared.storage import Repository
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
    where = {name: args[name] for name in ("state", "event", "record", "recipient") if name in args}
    if where.keys() not in FILTERS:
        raise Invalid(f"the filters {', '.join(sorted(where))} cannot be combined", pointer="/args")
    limit: int = args["limit"]
    after = args.get("cursor") or _bound(args.get("since"), "")
    until = _bound(args.get("until"), END_OF_TIME)
    collection = deliveries.shape.collection
    rows = work.store.find(collection, where, limit=limit + 1, sort="place", after=after, until=until)
    found = deliveries.get_many(work, [row["_id"] for row in work.adopt(collection, rows[:limit])])
    records = [deliveries.shape.snapshot(one.key, one.version, one.state) for one in found.values()]
    return {"records": records, "next": rows[limit - 1]["place"] if len(rows) > limit else None}


def resend(work: Work, command: Command, _args: Mapping[str, Any], *, deliveries: Repository[Delivery]) -> Document:
    """Send a sent or failed delivery again. With the version as expected it happens once, however often it is asked."""
    stored = deliveries.get(work, command.require_number(), expected_version=command.expected_version)
    state, events = lifecycle.resend(stored.state, work.now)
    saved = deliveries.save(work, stored, state, events, command.cause)
    return deliveries.shape.snapshot(saved.key, saved.version, saved.state)


def cancel(work: Work, command: Command, args: Mapping[str, Any], *, deliveries: Repository[Delivery]) -> Document:
    """Stop a delivery that waits to be sent; `reason` is kept in the audit."""
    stored = deliveries.get(work, command.require_number(), expected_version=command.expected_version)
    state, events = lifecycle.cancel(stored.state, args["reason"], work.now)
    saved = deliveries.save(work, stored, state, events, command.cause)
    return deliveries.shape.snapshot(saved.key, saved.version, saved.state)


def _bound(at: datetime | None, default: str) -> str:
    return default if at is None else format_instant(at)
