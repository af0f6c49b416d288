"""Finds clocks that are gone: cases know which there must be. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from services.sla.domain.case import Case
from services.sla.domain.policy import Agreements
from services.sla.domain.run import Run, state_of, terms_of
from services.sla.handlers.rows import CASES, clock_key, identity_in
from services.sla.handlers.windows import CLOCKS, page_of
from shared.storage import from_document
from shared.store import Document
from shared.unit_of_work import Work

FIRST = "cases"
"""The cursor of the first page; the others have the place of a case behind it."""


def find_gone(
    work: Work, args: Mapping[str, Any], agreements: Agreements
) -> tuple[list[tuple[str, str]], str | None, str | None]:
    """A page of the incidents that began in the period: the keys of clocks whose rows are gone and what the fold says
    of each, up to where was looked, and where to go on.

    A case is written together with its clocks, which nobody deletes: read after it, they are there.
    """
    after = args["cursor"].removeprefix(FIRST).strip() or None
    cases, cursor = page_of(work, after, args.get("since"), args.get("until"), args["limit"], collection=CASES)
    keys = {row["_id"]: dict(_keys(row, args.get("until"))) for row in cases}
    there = {row["_id"] for row in work.store.read(CLOCKS, [key for own in keys.values() for key in own])}
    found = []
    for row in cases:
        if missing := [(key, place) for key, place in keys[row["_id"]].items() if key not in there]:
            runs = from_document(Case, row).runs
            found += [(key, _state(runs[place], agreements)) for key, place in missing]
    through = cases[-1]["place"].split(" ")[0] if cases else None
    return found, through, None if cursor is None else f"{FIRST} {cursor}"


def _keys(row: Document, until: datetime | None) -> Iterator[tuple[str, int]]:
    """The key of each clock that started before the period ends, and its place in the case."""
    for place, run in enumerate(row["runs"]):
        if until is None or run["spans"][0]["start"] < until:
            agreement, kind, instance = identity_in(run)
            yield clock_key(row["_id"], kind, instance, agreement), place


def _state(run: Run, agreements: Agreements) -> str:
    return state_of(run, terms_of(run, agreements)).value
