"""What may be asked of sla: the clocks of an incident, clocks by state, attainment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.sla.domain.attainment import Attainment, count
from services.sla.domain.case import Case, missing
from services.sla.domain.kinds import KINDS, Kind
from services.sla.domain.policy import ALL, MAIN, PRIORITIES, Agreements
from services.sla.domain.record import Clock
from services.sla.domain.run import Run, Span, clock_name, counts, elapsed, stopped_at, terms_of
from services.sla.handlers import rows
from services.sla.handlers.rows import key_of
from services.sla.handlers.windows import windows
from shared.clock import format_instant
from shared.errors import NotFound
from shared.storage import RESTRICTED_FIELDS, Repository, Stored
from shared.store import Document
from shared.unit_of_work import Work

if TYPE_CHECKING:
    from shared.command import Command

PAGE = 500
GAPS_SHOWN = 1000
"""More cases with a gap than this are not told apart."""
_ALWAYS = [kind for kind in Kind if KINDS[kind].required]
"""A report shows these kinds in any case, and the others where there are such clocks."""


def get(
    work: Work, command: Command, _args: Mapping[str, Any], *, clocks: Repository[Clock], agreements: Agreements
) -> Document:
    """The clocks of the incident `number` with all their spans, as the fold has them now.

    `missing` is the version that is waited for, or null. A restricted incident's clocks show no more than its events
    do. Raises NotFound when sla knows no such incident.
    """
    number = command.require_number()
    case = rows.load_cases(work, [number]).get(number)
    if case is None:
        raise NotFound(f"sla has no incident {number}", pointer="/number")
    stored = clocks.get_many(work, [key_of(number, run) for run in case.runs])
    shown = [_with_spans(one, case, clocks, agreements, work.now) for one in stored.values()]
    return {"number": number, "folded": case.folded, "missing": missing(case), "clocks": shown}


def find(work: Work, _command: Command, args: Mapping[str, Any], *, clocks: Repository[Clock]) -> Document:
    """A page of clocks in order of their start, each as it was last told: `{"records": [...], "next": cursor or null}`.

    `state` filters, `since` and `until` bound the start. Go on with `cursor` set to the last page's `next`.
    """
    where = {"state": args["state"]} if "state" in args else {}
    limit: int = args["limit"]
    found = list[Document]()
    for window in windows(work, where, args.get("cursor"), args.get("since"), args.get("until"), limit + 1):
        found += window
        if len(found) > limit:
            break
    stored = clocks.get_many(work, [row["_id"] for row in work.adopt(clocks.shape.collection, found[:limit])])
    records = [_shown(one, clocks) for one in stored.values()]
    return {"records": records, "next": found[limit - 1]["place"] if len(found) > limit else None}


def report(work: Work, _command: Command, args: Mapping[str, Any], *, clocks: Repository[Clock]) -> Document:
    """Attainment by priority and clock, over clocks that started in the period, history brought over included.

    Of one agreement's clocks, the first one's unless `agreement` names another; `all` counts every one.

    `{"priorities": {"P1": {"response": {met, breached, running, cancelled, attainment}, ...}}, "gaps": n}`;
    attainment is met over decided, null while nothing is. `gaps` counts cases that wait for a missing version.
    """
    tallies = {(priority, kind.value): Attainment() for priority in PRIORITIES for kind in _ALWAYS}
    for window in windows(work, {}, None, args.get("since"), args.get("until"), PAGE):
        keys = [row["_id"] for row in work.adopt(clocks.shape.collection, window)]
        for stored in clocks.get_many(work, keys).values():
            if not is_of(stored.state.agreement, args):
                continue
            key = (stored.state.priority, clock_name(stored.state.kind, stored.state.agreement))
            tallies[key] = count(tallies.get(key, Attainment()), stored.state, work.now)
    priorities: Document = {priority: {} for priority in PRIORITIES}
    for (priority, kind_name), tally in tallies.items():
        priorities[priority][kind_name] = _tally(tally)
    return {"priorities": priorities, "gaps": count_gaps(work)}


def is_of(agreement: str, args: Mapping[str, Any]) -> bool:
    """Whether a question asks of this agreement's clocks."""
    return args.get("agreement", MAIN) in (agreement, ALL)


def count_gaps(work: Work) -> int:
    """How many cases wait for a version that has not come; at most `GAPS_SHOWN`."""
    return len(work.store.find(rows.CASES, {"gap": True}, limit=GAPS_SHOWN))


def _shown(stored: Stored[Clock], clocks: Repository[Clock]) -> Document:
    snapshot = clocks.shape.snapshot(stored.key, stored.version, stored.state)
    if not clocks.shape.restricted(stored.state):
        return snapshot
    return {name: snapshot[name] for name in RESTRICTED_FIELDS if name in snapshot}


def _with_spans(
    stored: Stored[Clock], case: Case, clocks: Repository[Clock], agreements: Agreements, now: datetime
) -> Document:
    shown, run = _shown(stored, clocks), case.clock(stored.state.identity)
    if run is None or _hidden(stored, case, clocks):
        return {name: shown[name] for name in RESTRICTED_FIELDS if name in shown}
    terms = terms_of(run, agreements)
    stopped = stopped_at(run)
    until = max(now, run.at) if stopped is None else stopped
    return {
        **shown,
        "elapsed_seconds": elapsed(run, until, terms).total_seconds(),
        "stopped_at": None if stopped is None else format_instant(stopped),
        "spans": [_span(span, run, agreements) for span in run.spans],
        "thresholds": [
            {"threshold": one.name, "percent": one.percent, "at": format_instant(one.at)} for one in run.passed
        ],
    }


def _hidden(stored: Stored[Clock], case: Case, clocks: Repository[Clock]) -> bool:
    return clocks.shape.restricted(stored.state) or (case.latest is not None and case.latest.restricted)


def _span(span: Span, run: Run, agreements: Agreements) -> Document:
    return {
        "from": format_instant(span.start),
        "to": None if span.end is None else format_instant(span.end),
        "activity": span.activity.value,
        "counts": counts(span, terms_of(run, agreements).policy),
        "reason": span.reason or None,
        "version": span.version,
    }


def _tally(tally: Attainment) -> Document:
    return {
        "met": tally.met,
        "breached": tally.breached,
        "running": tally.running,
        "cancelled": tally.cancelled,
        "attainment": tally.rate,
    }
