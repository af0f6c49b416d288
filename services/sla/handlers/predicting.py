"""Answers which running clocks run out before the next working hour ends, and how long records took in the past."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.sla.domain.calendar import Calendar, add_business
from services.sla.domain.case import Case
from services.sla.domain.keeping import advance_kept
from services.sla.domain.policy import MAIN, Agreements, Kind
from services.sla.domain.run import Activity, ClockState, Run, due_at, elapsed, state_of, stopped_at, terms_of
from services.sla.handlers.due import FLOOR
from services.sla.handlers.rows import DUE, identity_in, key_of, load_cases
from services.sla.handlers.windows import CLOCKS, page_of
from shared.clock import format_instant
from shared.envelope import Lane
from shared.store import Document
from shared.unit_of_work import Work

if TYPE_CHECKING:
    from shared.command import Command

BUCKETS = (Lane.URGENT, Lane.NORMAL)
_NARROWEST = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """How far is looked: until `within` of open time has gone, from now, in each calendar."""

    now: datetime
    within: timedelta
    _ends: dict[str, datetime | None] = field(default_factory=dict, init=False)

    def end(self, calendar: Calendar) -> datetime | None:
        """When so much open time has gone; None when the calendar does not open so long any more."""
        if calendar.name not in self._ends:
            self._ends[calendar.name] = add_business(calendar, self.now, self.within)
        return self._ends[calendar.name]

    def latest(self, agreements: Agreements) -> datetime:
        """The latest end among the calendars that policies name."""
        versions = (version for one in agreements.every for version in one.versions)
        named = {rule.policy.calendar for version in versions for rule in version.rules}
        ends = (self.end(agreements.calendars[name]) for name in named)
        return max((end for end in ends if end is not None), default=self.now)


def predict(work: Work, _command: Command, args: Mapping[str, Any], *, agreements: Agreements) -> Document:
    """A page of the running clocks that are due before `within_seconds` of open time of their calendar have gone.

    `{checked, as_of, clocks: [{number, incident, clock, agreement, state, priority, team, service, due_at,
    window_ends_at, elapsed_seconds, target_seconds}], restricted, through, next}`, those of P1 first, each part about
    in the order of its next threshold. Clocks of restricted incidents are counted and not told. What is read are the
    rows of clocks with a threshold in that time, by the index of the ticker.
    """
    ahead = Ahead(now=work.now, within=timedelta(seconds=args["within_seconds"]))
    found, cursor = _page_of_due(work, args.get("cursor"), ahead.latest(agreements), args["limit"])
    clocks = {row["_id"]: row for row in work.store.read(CLOCKS, [row["clock"] for row in found])}
    cases = load_cases(work, list(dict.fromkeys(row["incident"] for row in clocks.values())))
    shown, restricted = list[Document](), 0
    for row in found:
        clock = clocks.get(row["clock"])
        case = None if clock is None else cases.get(clock["incident"])
        run = None if clock is None or case is None else case.clock(identity_in(clock))
        one = None if case is None or run is None else _ahead_of(case, run, ahead, agreements)
        if one is not None and case is not None and case.latest is not None:
            restricted += case.latest.restricted
            shown += [] if case.latest.restricted else [one]
    through = format_instant(found[-1]["at"]) if found else None
    return {
        "checked": len(found),
        "as_of": format_instant(work.now),
        "clocks": shown,
        "restricted": restricted,
        "through": through,
        "next": cursor,
    }


def lengths(work: Work, _command: Command, args: Mapping[str, Any], *, agreements: Agreements) -> Document:
    """A page of how long records took that started in the period, or have lasted so far.

    `{checked, lengths: [[priority, team, service, seconds, finished]], through, next}`: open time by the
    resolution clock of the first agreement; records that were cancelled are left out. History brought over counts.
    """
    found, cursor = page_of(work, args.get("cursor"), args.get("since"), args.get("until"), args["limit"])
    wanted = [row["incident"] for row in found if identity_in(row) == (MAIN, Kind.RESOLUTION, None)]
    cases = load_cases(work, wanted)
    return {
        "checked": len(found),
        "lengths": [one for case in cases.values() for one in _length(case, agreements, work.now)],
        "through": format_instant(found[-1]["started_at"]) if found else None,
        "next": cursor,
    }


def _ahead_of(case: Case, run: Run, ahead: Ahead, agreements: Agreements) -> Document | None:
    """What is told of a clock, if it runs and is due in time to come that is looked at."""
    run, _ = advance_kept(run, ahead.now, agreements, case.kept)
    terms = terms_of(run, agreements)
    due, end = due_at(run, terms), ahead.end(terms.calendar)
    if state_of(run, terms) is not ClockState.RUNNING or due is None or end is None or due > end or case.latest is None:
        return None
    return {
        "number": key_of(case.incident, run),
        "incident": case.incident,
        "clock": run.kind.value,
        "agreement": run.agreement,
        "state": case.latest.state,
        "priority": run.priority,
        "team": case.latest.team,
        "service": case.latest.service,
        "due_at": format_instant(due),
        "window_ends_at": format_instant(end),
        "elapsed_seconds": elapsed(run, ahead.now, terms).total_seconds(),
        "target_seconds": terms.policy.target(run.kind).total_seconds(),
    }


def _length(case: Case, agreements: Agreements, now: datetime) -> Iterator[list[Any]]:
    run, latest = case.run(Kind.RESOLUTION), case.latest
    if run is None or latest is None or run.spans[-1].activity is Activity.CANCELLED:
        return
    stopped = stopped_at(run)
    gone = elapsed(run, now if stopped is None else stopped, terms_of(run, agreements))
    yield [run.priority, latest.team, latest.service, gone.total_seconds(), stopped is not None]


def _page_of_due(work: Work, cursor: str | None, until: datetime, limit: int) -> tuple[list[Document], str | None]:
    """Rows of one lane up to an instant, after `cursor`, and where to go on. A page may be short or empty.

    Rows of one instant stay together: the cursor is an instant, and so a page may be longer than `limit`, too.
    """
    bucket, after = _place(cursor)
    found, asked = list[Document](), limit
    while True:
        rows = _read_due(work, bucket, after, until, asked + 1)
        if len(rows) <= asked:
            following = [one for one in BUCKETS if one > bucket]
            return rows, _cursor(following[0], FLOOR) if following else None
        found = [row for row in rows if row["at"] < rows[-1]["at"]]
        if found:
            return found, _cursor(bucket, found[-1]["at"])
        asked *= 2


def _read_due(work: Work, bucket: Lane, after: datetime, until: datetime, limit: int) -> list[Document]:
    """Up to `limit` rows in order of their instants, by windows that widen while they bring too little.

    A window is read whole whatever its limit (shared.unit_of_work). Only the first one, of what is overdue, may be
    wide: the ticker keeps that short.
    """
    found, low, width = list[Document](), after, work.now - FLOOR if after == FLOOR else _NARROWEST
    while low < until and len(found) < limit:
        high = min(low + width, until)
        where = {"bucket": int(bucket)}
        found += work.store.find(DUE, where, sort="at", after=low, until=high, limit=limit - len(found))
        low, width = high, _NARROWEST if low == FLOOR else 2 * width
    return found


def _place(cursor: str | None) -> tuple[Lane, datetime]:
    if cursor is None:
        return BUCKETS[0], FLOOR
    bucket, _, at = cursor.partition(" ")
    return Lane(int(bucket)), datetime.fromisoformat(at)


def _cursor(bucket: Lane, at: datetime) -> str:
    return f"{int(bucket)} {at.isoformat(timespec='microseconds')}"
