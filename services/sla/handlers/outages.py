"""Knows which incidents are marked as outages, and answers how long services were out, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.sla.domain.calendar import Piece
from services.sla.domain.case import Case
from services.sla.domain.downtime import outage
from services.sla.domain.figures import NONE
from services.sla.domain.policy import Agreements, Kind
from services.sla.domain.run import terms_of
from services.sla.handlers.rows import load_cases
from services.sla.handlers.windows import page_of
from shared.clock import format_instant
from shared.store import Document
from shared.unit_of_work import Work

if TYPE_CHECKING:
    from shared.command import Command

OUTAGES = "outages"


def keep_outage(work: Work, before: Case, after: Case) -> None:
    """Keep a row for an incident while it is marked. One whose mark stays as it was costs nothing."""
    run = after.run(Kind.RESOLUTION)
    if run is None or _is_marked(before) is _is_marked(after):
        return
    if _is_marked(after):
        work.claim(OUTAGES, after.incident, {"place": f"{format_instant(run.spans[0].start)} {after.incident}"})
    else:
        work.load(OUTAGES, [after.incident])
        work.release(OUTAGES, after.incident)


def downtime(work: Work, _command: Command, args: Mapping[str, Any], *, agreements: Agreements) -> Document:
    """A page of the outages that lie in the period at least in part, cut to it; the caller adds them up.

    `{checked, as_of, outages: [{number, service, pieces, open}], restricted, through, next}`: `pieces` and `open` are
    lists of `[from, to]`. Restricted incidents are counted and not told.
    """
    until = min(args.get("until", work.now), work.now)
    found, cursor = page_of(work, args.get("cursor"), None, until, args["limit"], collection=OUTAGES)
    cases = load_cases(work, [row["_id"] for row in found])
    shown, restricted = list[Document](), 0
    for case in cases.values():
        if case.latest is not None and case.latest.restricted:
            restricted += 1
        elif (one := _shown(case, agreements, args, until))["pieces"]:
            shown.append(one)
    return {
        "checked": len(found),
        "as_of": format_instant(work.now),
        "outages": shown,
        "restricted": restricted,
        "through": found[-1]["place"].split(" ")[0] if found else None,
        "next": cursor,
    }


def _shown(case: Case, agreements: Agreements, args: Mapping[str, Any], until: datetime) -> Document:
    run = case.run(Kind.RESOLUTION)
    if run is None or case.latest is None:
        raise AssertionError("unreachable: a case that is marked has folded an entry")
    one = outage(run, terms_of(run, agreements).calendar, args.get("since"), until)
    service = case.latest.service or NONE
    return {"number": case.incident, "service": service, "pieces": _texts(one.pieces), "open": _texts(one.open)}


def _is_marked(case: Case) -> bool:
    return case.latest is not None and case.latest.outage


def _texts(pieces: Sequence[Piece]) -> list[list[str]]:
    return [[format_instant(begins), format_instant(ends)] for begins, ends in pieces]
