"""Random calendars with all that a calendar can have, near the edges of their zones and on whole minutes."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import strategies as st

from services.sla.domain.calendar import CLOSED_WEEK, Calendar, Interval, SpecialDay, Version
from tests.unit.sla.strategies import DAY_MINUTES, EDGES

MINUTE = timedelta(minutes=1)
WHOLE = (Interval(opens=timedelta(0), closes=timedelta(days=1)),)


@st.composite
def intervals(draw: st.DrawFn) -> tuple[Interval, ...]:
    """The hours of a date; the last interval may close on the next day, over that day's own hours."""
    cuts = sorted(draw(st.sets(st.integers(0, DAY_MINUTES), max_size=5)))
    found = [Interval(opens=a * MINUTE, closes=b * MINUTE) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    if len(cuts) % 2 and cuts[-1] < DAY_MINUTES:
        opens = cuts[-1] * MINUTE
        found.append(Interval(opens=opens, closes=opens + draw(st.integers(1, DAY_MINUTES)) * MINUTE))
    return tuple(found)


def days_near(edge: datetime) -> st.SearchStrategy[date]:
    return st.integers(-3, 4).map(lambda days: edge.date() + timedelta(days=days))


@st.composite
def own_hours(draw: st.DrawFn, edge: datetime, name: str, zones: st.SearchStrategy[str]) -> Calendar:
    days = st.one_of(st.just(WHOLE), st.just(()), intervals(), intervals())
    holidays = draw(st.dictionaries(days_near(edge), st.sampled_from(("Christmas", "Easter")), max_size=2))
    special = st.builds(SpecialDay, name=st.sampled_from(("stocktaking", "sale")), intervals=intervals())
    return Calendar(
        name=name,
        zone=draw(zones),
        week=draw(st.one_of(st.just(CLOSED_WEEK), st.tuples(*[days] * 7), st.tuples(*[days] * 7))),
        holidays=holidays,
        exceptions=draw(st.dictionaries(days_near(edge), special, max_size=2)),
    )


@st.composite
def whole_calendars(draw: st.DrawFn, edge: datetime, name: str, zones: st.SearchStrategy[str], depth: int) -> Calendar:
    calendar = draw(own_hours(edge, name, zones))
    if depth == 0:
        return calendar
    below = [f"{name}.{number}" for number in range(draw(st.integers(0, 2)))]
    members = tuple(draw(whole_calendars(edge, one, zones, depth - 1)) for one in below)
    moments = st.integers(-2 * DAY_MINUTES, 3 * DAY_MINUTES).map(lambda minutes: edge + minutes * MINUTE)
    versions = tuple(
        Version(effective_from=at, calendar=draw(whole_calendars(edge, f"{name}'", zones, depth - 1)))
        for at in sorted(draw(st.sets(moments, max_size=2)))
    )
    return Calendar(
        name=name,
        zone=calendar.zone,
        week=calendar.week,
        holidays=calendar.holidays,
        exceptions=calendar.exceptions,
        union=members,
        versions=versions,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Calendar, datetime, int]:
    """A calendar, a start within a day of an edge of one of its zones, and a number of minutes."""
    zone, edge = draw(st.sampled_from(EDGES))
    zones = st.one_of(st.just(zone), st.sampled_from(sorted({name for name, _ in EDGES})))
    calendar = draw(whole_calendars(edge, "drawn", zones, depth=1))
    start = edge + draw(st.integers(-DAY_MINUTES, DAY_MINUTES)) * MINUTE
    return calendar, start, draw(st.integers(0, 2 * DAY_MINUTES))
