"""Random calendars and histories, on whole minutes so that a model can step through them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from services.sla.domain.calendar import Calendar, Interval

EDGES = (
    ("UTC", datetime(2026, 3, 2, tzinfo=UTC)),
    ("Europe/Stockholm", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Stockholm", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("America/St_Johns", datetime(2010, 11, 7, 2, 31, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2024, 2, 29, 12, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2026, 2, 15, 2, tzinfo=UTC)),
)
"""Zones, each with an instant at or near which its offset changes, or with an odd offset."""

DAY_MINUTES = 24 * 60


@st.composite
def openings(draw: st.DrawFn) -> tuple[Interval, ...]:
    """The intervals of one weekday."""
    cuts = sorted(draw(st.sets(st.integers(0, DAY_MINUTES), max_size=6)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return tuple(Interval(opens=timedelta(minutes=a), closes=timedelta(minutes=b)) for a, b in pairs)


@st.composite
def calendars(draw: st.DrawFn, zone: str, near: datetime, name: str = "drawn") -> Calendar:
    """A calendar of this zone, with holidays that may fall near the instant."""
    whole = (Interval(opens=timedelta(0), closes=timedelta(days=1)),)
    days = st.one_of(st.just(whole), openings())
    week = draw(st.tuples(*[days] * 7))
    around = st.integers(-2, 3).map(lambda days: near.date() + timedelta(days=days))
    holidays = draw(st.frozensets(around, max_size=2))
    return Calendar(name=name, zone=zone, week=week, holidays=dict.fromkeys(holidays, "a holiday"))


@st.composite
def calendars_at_edges(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar, and an instant within two days of an edge of its zone."""
    zone, edge = draw(st.sampled_from(EDGES))
    start = edge + timedelta(minutes=draw(st.integers(-DAY_MINUTES, DAY_MINUTES)))
    return draw(calendars(zone, edge)), start
