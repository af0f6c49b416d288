"""What a period was like: attainment, mean times, causes of breaches, age of the backlog (ITIL 4 service level
management and incident management: MTTA is the mean time to acknowledge, MTTR the mean time to resolve).

All figures are sums under a path of names, so those of any parts add up to those of the whole. Means are made last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from services.sla.domain.calendar import business_time
from services.sla.domain.clock import advance
from services.sla.domain.history import Entry
from services.sla.domain.policy import HIDDEN, MAIN, Agreements, Kind
from services.sla.domain.run import (
    Activity,
    ClockState,
    Run,
    Span,
    clock_name,
    counts,
    elapsed,
    state_of,
    stopped_at,
    terms_of,
)

Sums = Counter[tuple[str, ...]]

DIMENSIONS = ("priority", "team", "service", "organisation", "level", "agreement")
NONE = "(none)"
"""The value of a record that has none, and the level of one that tells none."""
UNKNOWN = "(history no longer kept)"
AGES = (
    (timedelta(days=1), "under 1 day"),
    (timedelta(days=3), "1 to 3 days"),
    (timedelta(days=7), "3 to 7 days"),
    (timedelta(days=30), "7 to 30 days"),
)
OLDEST = "over 30 days"
_DOING = {"new": "not assigned", "assigned": "not accepted", "in_progress": "in work"}
_COUNTED_AS = {ClockState.PAUSED: ClockState.RUNNING}


def count(
    into: Sums,
    dimension: str,
    run: Run,
    latest: Entry,
    entries: Sequence[Entry] | None,
    agreements: Agreements,
    now: datetime,
    backlog: str = MAIN,
) -> None:
    """Add one clock as of `now`; `entries` is its incident's history, which only a breach is asked for.

    `backlog` is the agreement by whose clocks the open records are counted, each once.

    Paths: `values/<value>/<clock>/<met|breached|running|cancelled|stopped|business_seconds|wall_seconds>`,
    `backlog/<value>/<age>`, `causes/<clock>/<cause>`, `levels/<clock>/<level>/<breaches|seconds>`.
    """
    run, _ = advance(run, now, agreements)
    state = state_of(run, terms_of(run, agreements))
    value, clock = value_of(dimension, run, latest), _name(dimension, run)
    into["values", value, clock, _COUNTED_AS.get(state, state).value] += 1
    for name, number in _times(run, agreements):
        into["values", value, clock, name] += number
    if run.is_open and run.kind is Kind.RESOLUTION and run.agreement == backlog:
        into["backlog", value, age(now - run.spans[0].start)] += 1
    if run.breached_at is not None:
        _count_breach(into, run, run.breached_at, entries, agreements)


def value_of(dimension: str, run: Run, latest: Entry) -> str:
    """What a clock is counted under: the priority it ran by, and else what its incident last said."""
    of_clock = {"priority": run.priority, "agreement": run.agreement}
    value = of_clock[dimension] if dimension in of_clock else getattr(latest, dimension)
    return NONE if value is None else str(value)


def _name(dimension: str, run: Run) -> str:
    """Clocks of several agreements are not mixed, unless they are told apart by what they are grouped by."""
    return run.kind.value if dimension == "agreement" else clock_name(run.kind, run.agreement)


def age(passed: timedelta) -> str:
    """How old a record is, in words."""
    return next((name for limit, name in AGES if passed < limit), OLDEST)


def _times(run: Run, agreements: Agreements) -> Iterator[tuple[str, int]]:
    """How long a clock took that stopped of itself, in whole seconds of open time and on the wall."""
    stopped = stopped_at(run)
    if stopped is None or run.spans[-1].activity is Activity.CANCELLED:
        return
    yield "stopped", 1
    yield "business_seconds", round(elapsed(run, stopped, terms_of(run, agreements)).total_seconds())
    yield "wall_seconds", round((stopped - run.spans[0].start).total_seconds())


def _count_breach(into: Sums, run: Run, at: datetime, entries: Sequence[Entry] | None, agreements: Agreements) -> None:
    clock = clock_name(run.kind, run.agreement)
    if not entries:
        into["causes", clock, UNKNOWN] += 1
        return
    stays = list(_stays(entries, at))
    last = stays[-1][2]
    into["causes", clock, cause(last)] += 1
    into["levels", clock, _level(last), "breaches"] += 1
    terms = terms_of(run, agreements)
    for start, end, entry in stays:
        if counts(_span_at(run, start), terms.policy):
            open_time = business_time(terms.calendar, start, end)
            into["levels", clock, _level(entry), "seconds"] += round(open_time.total_seconds())


def cause(entry: Entry) -> str:
    """What an incident did at the moment of its breach: for whom it waited, or what had not been done yet."""
    if entry.state == "waiting":
        return f"waiting for {entry.waiting_reason or HIDDEN}"
    return _DOING.get(entry.state, entry.state)


def _stays(entries: Sequence[Entry], until: datetime) -> Iterator[tuple[datetime, datetime, Entry]]:
    """From when to when each entry was in force, up to an instant; one that says it is older follows at once."""
    start = entries[0].at
    for place, entry in enumerate(entries):
        following = entries[place + 1].at if place + 1 < len(entries) else until
        end = min(max(following, start), until)
        yield start, end, entry
        if end >= until:
            return
        start = end


def _span_at(run: Run, at: datetime) -> Span:
    return next(span for span in reversed(run.spans) if span.start <= at)


def _level(entry: Entry) -> str:
    return NONE if entry.level is None else str(entry.level)
