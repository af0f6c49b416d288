"""Lists of records in the order of their numbers, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.incident.domain.asking import Find
from services.incident.handlers.ports import Ports
from services.incident.handlers.questions import INCIDENTS
from services.incident.handlers.records import snapshot
from shared.command import Command
from shared.store import Document
from shared.unit_of_work import Work

SELECTIVE = ("fingerprint", "external_ref", "person", "team", "state", "priority", "level", "kind")
"""The filters, those that leave least to read first: the first that is given is asked of the store."""
WINDOW_ROWS = 1000
"""Rows read at most by one query of a page; a page that hits it is short."""

_LAST = "~"


def find(work: Work, _: Command, args: Find, *, ports: Ports) -> Document:
    """Records whose fields equal `where`, in the order of their numbers: `{records, next}`.

    `next` is the number to go on after, or None when there is nothing more to look at. A page can be short and
    still have a next one: what one question reads is bounded.
    """
    where = {name: args.where[name] for name in SELECTIVE if name in args.where}
    asked = dict(list(where.items())[:1])
    records, after = [], args.after
    for until in _windows(args.after):
        rows = work.store.find(INCIDENTS, asked, limit=WINDOW_ROWS, sort="key", after=after, until=until)
        for row in rows:
            after = row["key"]
            if _matches(row, where):
                records.append(after)
            if len(records) == args.limit:
                return _page(work, records, after, ports)
        if len(rows) == WINDOW_ROWS:
            return _page(work, records, after, ports)
        after = until
    return _page(work, records, None, ports)


def _windows(after: str | None) -> list[str]:
    """Upper bounds of windows over the numbers that follow `after`: each eight times as wide as the one before.

    The embedded database reads all that a sorted query matches, so the first windows are narrow; where little
    matches, the wide ones are cheap, and a handful of queries reach the end.
    """
    bounds = []
    for prefix in ("INC", "REQ"):
        if after is not None and after[:3] > prefix:
            continue
        start = int(after[3:10] or 0) if after is not None and after.startswith(prefix) else 0
        bounds += [f"{prefix}{start + 500 * 8**step:07d}" for step in range(6) if start + 500 * 8**step < 10**7]
        bounds.append(f"{prefix}{_LAST}")
    return bounds


def _matches(row: Document, where: Mapping[str, Any]) -> bool:
    return all(row.get(name) in (wanted if isinstance(wanted, list) else [wanted]) for name, wanted in where.items())


def _page(work: Work, numbers: list[str], following: str | None, ports: Ports) -> Document:
    found = ports.incidents.get_many(work, numbers)
    return {"records": [snapshot(found[number], ports=ports) for number in numbers], "next": following}
