"""Compares every clock with what its history makes of it, a page at a time. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.sla.domain.case import Case
from services.sla.domain.policy import Agreements
from services.sla.domain.recompute import Difference, Expected, differences, is_behind, recompute
from services.sla.domain.record import Clock
from services.sla.handlers.histories import load_histories
from services.sla.handlers.rows import CASES
from services.sla.handlers.windows import CLOCKS, page_of
from shared.clock import format_instant
from shared.storage import from_document, to_document
from shared.unit_of_work import Document, Work

if TYPE_CHECKING:
    from shared.command import Command

ATTEMPTS = 5
"""How often a record that changes while it is read is read again."""
_SLACK = timedelta(seconds=5)
"""The ticker may tell a threshold between the reads of a page and its comparison."""


@dataclass(slots=True, kw_only=True)
class _Page:
    checked: int = 0
    moving: int = 0
    behind: int = 0
    unproven: int = 0
    differences: list[Document] = field(default_factory=list)


def verify(work: Work, _command: Command, args: Mapping[str, Any], *, agreements: Agreements) -> Document:
    """A page of clocks that started in the period, recomputed and compared.

    `{checked, differences: [{clock, field, stored, expected}], behind, moving, unproven, through, next}`. `behind`
    counts live clocks whose breach the ticker has yet to tell; `moving` those that changed under every read;
    `unproven` those whose history is no longer kept. `through` is the start of the page's last clock.
    """
    found, cursor = page_of(work, args.get("cursor"), args.get("since"), args.get("until"), args["limit"])
    keys: dict[str, list[str]] = {}
    for row in found:
        keys.setdefault(row["incident"], []).append(row["_id"])
    cases, clocks = _read(work, keys)
    histories = load_histories(work, cases.values())
    page = _Page(moving=sum(len(own) for incident, own in keys.items() if incident not in cases))
    for incident, case in cases.items():
        entries = histories[incident]
        if entries is None:
            page.unproven += len(keys[incident])
            continue
        expected = recompute(incident, entries, agreements, work.now + _SLACK)
        _compare(page, {key: clocks[key] for key in keys[incident]}, case, expected, work.now)
    through = format_instant(found[-1]["started_at"]) if found else None
    return {**to_document(page), "through": through, "next": cursor}


def _compare(page: _Page, clocks: Mapping[str, Clock], case: Case, expected: Expected, now: datetime) -> None:
    for key, clock in clocks.items():
        page.checked += 1
        page.behind += is_behind(clock, expected, now)
        found = differences(clock, case.run(clock.kind, clock.instance), expected)
        page.differences.extend(_difference(key, one) for one in found)


def _read(work: Work, keys: Mapping[str, list[str]]) -> tuple[dict[str, Case], dict[str, Clock]]:
    """Cases with their clocks as one transaction left them: those whose case stayed the same around the read."""
    cases, clocks = dict[str, Case](), dict[str, Clock]()
    for _ in range(ATTEMPTS):
        wanted = [incident for incident in keys if incident not in cases]
        if not wanted:
            break
        before = _by_key(work.store.read(CASES, wanted))
        rows = _by_key(work.store.read(CLOCKS, [key for incident in wanted for key in keys[incident]]))
        after = _by_key(work.store.read(CASES, wanted))
        for incident, row in before.items():
            if row["version"] == after[incident]["version"]:
                cases[incident] = from_document(Case, row)
                clocks.update((key, from_document(Clock, rows[key])) for key in keys[incident])
    return cases, clocks


def _by_key(rows: Iterable[Document]) -> dict[str, Document]:
    return {row["_id"]: row for row in rows}


def _difference(key: str, one: Difference) -> Document:
    return {"clock": key, "field": one.field, "stored": _plain(one.stored), "expected": _plain(one.expected)}


def _plain(value: Any) -> Any:
    """Any value of a record as JSON."""
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    document = to_document(value)
    return document if document is value or isinstance(document, str) else _plain(document)
