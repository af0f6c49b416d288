"""Answers what a period was like, a page of clocks at a time; the caller adds the pages up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from services.sla.domain.case import Case
from services.sla.domain.figures import Sums, count
from services.sla.domain.keeping import advance_kept
from services.sla.domain.policy import ALL, MAIN, Agreements
from services.sla.domain.run import Run
from services.sla.handlers.histories import load_histories
from services.sla.handlers.questions import is_of
from services.sla.handlers.rows import identity_in, load_cases
from services.sla.handlers.windows import page_of
from shared.clock import format_instant
from shared.store import Document
from shared.unit_of_work import Work

if TYPE_CHECKING:
    from shared.command import Command


def figures(work: Work, _command: Command, args: Mapping[str, Any], *, agreements: Agreements) -> Document:
    """The figures of a page of clocks that started in the period, by the dimension `by`.

    `{checked, values, backlog, causes, levels, through, next}`: sums under the paths of `domain.figures.count`,
    nested. Clocks of one agreement are counted, the first one's unless `agreement` names another or `all`. History
    brought over counts, as it does in `report`.
    """
    found, cursor = page_of(work, args.get("cursor"), args.get("since"), args.get("until"), args["limit"])
    cases = load_cases(work, list(dict.fromkeys(row["incident"] for row in found)))
    clocks = [
        (case := cases[row["incident"]], advance_kept(run, work.now, agreements, case.kept)[0])
        for row in found
        if is_of(identity_in(row)[0], args) and (run := _run(cases, row)) is not None
    ]
    histories = load_histories(work, {case.incident: case for case, run in clocks if _may_be_late(run)}.values())
    sums, backlog = Sums(), MAIN if args["agreement"] == ALL else args["agreement"]
    for case, run in clocks:
        if case.latest is not None:
            count(sums, args["by"], run, case.latest, histories.get(case.incident), agreements, work.now, backlog)
    through = format_instant(found[-1]["started_at"]) if found else None
    empty: Document = {"values": {}, "backlog": {}, "causes": {}, "levels": {}}
    return {**empty, **nested(sums), "checked": len(found), "through": through, "next": cursor}


def nested(sums: Sums) -> Document:
    """`{("a", "b"): 1}` as `{"a": {"b": 1}}`."""
    tree: Document = {}
    for path, number in sums.items():
        place = tree
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = number
    return tree


def _run(cases: Mapping[str, Case], row: Document) -> Run | None:
    case = cases.get(row["incident"])
    return None if case is None else case.clock(identity_in(row))


def _may_be_late(run: Run) -> bool:
    return run.is_open or run.breached_at is not None
