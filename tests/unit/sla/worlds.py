"""Small random worlds: agreements, the life of one record under them, and a moment to look back from.

A world lies near an instant at which its zone's offset changes, and is a few hundred ticks long; all that happens in it
falls on a tick of a minute or of a second, and so does every threshold, so that a model can step through it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from services.sla.domain.actions import Action
from services.sla.domain.calendar import Calendar, Interval
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreed, Agreements, Kind, OnReopen, Policy, StopsAt
from tests.unit.sla.factories import make_entry, make_policy, make_rule, make_threshold, make_version
from tests.unit.sla.slow_model import zone_info
from tests.unit.sla.strategies import EDGES

MINUTE, SECOND, DAY = timedelta(minutes=1), timedelta(seconds=1), timedelta(days=1)
LENGTH = 400
"""Ticks around the edge in which entries and the hours of calendars lie."""
CALENDARS = ("one", "two")
OTHERS = (Kind.NEXT_REPLY, Kind.ASSIGNMENT, Kind.VENDOR)

COIN = st.booleans()
CUTS = st.lists(st.integers(-LENGTH, LENGTH), max_size=4, unique=True)
DAYS = st.integers(0, 2**7 - 1)
HOLIDAYS = st.sampled_from(((), (), (0,), (1,)))
KNOWN = st.sampled_from(CALENDARS)
QUARTERS = st.integers(1, 60)
MORE = st.sampled_from((OTHERS, OTHERS, OTHERS[:1], ()))
PAUSES = st.sampled_from([frozenset(one) for one in ((), ("user",), ("user", "vendor"), ("hidden",))])
STOPS_AT, ON_REOPEN = st.sampled_from(StopsAt), st.sampled_from(OnReopen)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Agreements, a record's history, and the end up to which it is looked at."""

    tick: timedelta
    agreements: Agreements
    entries: list[Entry]
    end: datetime


@st.composite
def calendars_near(draw: st.DrawFn, zone: str, near: datetime, tick: timedelta, name: str) -> Calendar:
    """A calendar with two kinds of days, whose hours begin and end about when it is `near` on its wall clock."""
    wall = near.astimezone(zone_info(zone))
    middle = timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second)

    def hours() -> tuple[Interval, ...]:
        """Cuts beyond midnight lie on the same day, before or after the others."""
        moments = sorted({(middle + one * tick) % DAY for one in draw(CUTS)})
        pairs = zip(moments[::2], moments[1::2], strict=False)
        return tuple(Interval(opens=opens, closes=closes) for opens, closes in pairs)

    always = (Interval(opens=timedelta(0), closes=DAY),)
    kinds = always if draw(COIN) else hours(), hours()
    days = draw(DAYS)
    holidays = {near.date() + timedelta(days=one): "a holiday" for one in draw(HOLIDAYS)}
    week = tuple(kinds[days >> day & 1] for day in range(7))
    return Calendar(name=name, zone=zone, week=week, holidays=holidays)


def threshold_sets(tick: timedelta) -> list[tuple[int | timedelta | Agreed, ...]]:
    """Before the target, at it, after it; for all clocks and for some; with actions and without."""
    before, after = make_threshold(-2 * tick, clocks=[Kind.RESOLUTION]), make_threshold(200, clocks=[Kind.RESPONSE])
    return [
        (),
        (50,),
        (25, 75, 125),
        (-3 * tick, 20 * tick),
        (before, after, make_threshold(150, clocks=OTHERS)),
        (75, make_threshold(100, Action.NOTIFY), make_threshold(60 * tick, Action.ESCALATE_MANAGER)),
    ]


THRESHOLDS = {tick: st.sampled_from(threshold_sets(tick)) for tick in (MINUTE, SECOND)}


@st.composite
def policies(draw: st.DrawFn, tick: timedelta, name: str) -> Policy:
    """Targets of which each quarter is a whole number of ticks."""

    def target() -> timedelta:
        return 4 * draw(QUARTERS) * tick

    return make_policy(
        name=name,
        calendar=draw(KNOWN),
        response=target(),
        resolution=target(),
        others={kind: target() for kind in draw(MORE)},
        thresholds=draw(THRESHOLDS[tick]),
        response_stops_at=draw(STOPS_AT),
        pauses=draw(PAUSES),
        on_reopen=draw(ON_REOPEN),
    )


CONDITIONS: list[dict[str, Any]] = [
    {},
    {"priority": "P1"},
    {"priority": ("P1", "P3"), "level": 1},
    {"service": ("network", "mail")},
    {"service": "network", "priority": "P3"},
    {"level": 2},
]
"""Conditions of a rule, from none at all."""
WHEN, ONE_OR_TWO, AROUND = st.sampled_from(CONDITIONS), st.integers(1, 2), st.integers(-1, 1)


@st.composite
def agreements_near(draw: st.DrawFn, zone: str, start: datetime, tick: timedelta) -> Agreements:
    """One or two versions of some rules, with a last one that takes every incident."""
    versions = []
    for number in range(draw(ONE_OR_TWO)):
        rules = [make_rule(draw(policies(tick, f"rule-{place}")), **draw(WHEN)) for place in range(2)]
        effective_from = start + draw(AROUND) * tick if number else None
        rest = make_rule(draw(policies(tick, "rest")))
        versions.append(make_version(str(number), *rules, rest, effective_from=effective_from))
    known = {name: draw(calendars_near(zone, start, tick, name)) for name in CALENDARS}
    return Agreements(versions=tuple(versions), calendars=known)


HAPPENS: list[dict[str, Any]] = [
    {"state": "in_progress"},
    {"state": "in_progress", "accepted": True},
    {"state": "in_progress", "replied": True, "answered": True},
    {"state": "in_progress", "answered": True},
    {"state": "in_progress", "asked": True},
    {"state": "in_progress", "asked": True, "answered": True},
    {"state": "waiting", "waiting_reason": "user"},
    {"state": "waiting", "waiting_reason": "user", "asked": True},
    {"state": "waiting", "waiting_reason": "vendor"},
    {"state": "waiting", "waiting_reason": "vendor", "answered": True},
    {"state": "waiting", "restricted": True},
    {"state": "in_progress", "restricted": True},
    {"state": "resolved"},
    {"state": "resolved", "replied": True, "answered": True},
    {"state": "closed"},
    {"state": "cancelled"},
]
"""What a version says; any of them may follow any other, which is more than the incident's own rules allow."""
CHANGES: list[dict[str, Any]] = [
    {},
    {},
    {"priority": "P1"},
    {"priority": "P3"},
    {"service": "network"},
    {"service": None, "priority": "P1"},
    {"level": 2},
    {"level": 1, "team": "payroll"},
    {"team": "desk"},
    {"team": None},
]
"""Fields that stay as they are until a later version changes them."""
CHANGED = st.sampled_from(CHANGES)
STEPS = st.lists(st.tuples(st.integers(-2, 120), st.sampled_from(HAPPENS), CHANGED), min_size=1, max_size=8)


@st.composite
def histories(draw: st.DrawFn, start: datetime, tick: timedelta) -> list[Entry]:
    """A life of up to nine versions; one of them may say that it is a little older than the one before."""
    steps = draw(STEPS)
    fields: dict[str, Any] = {"priority": "P3", "level": 1, **draw(CHANGED)}
    entries = [make_entry(1, start, **fields)]
    for version, (gap, happens, change) in enumerate(steps, start=2):
        fields |= change
        start += gap * tick
        entries.append(make_entry(version, start, **fields, **happens))
    return entries


NEAR, TICKS = st.sampled_from(EDGES), st.sampled_from((MINUTE, SECOND))
BEFORE, AFTER = st.integers(-LENGTH, 20), st.integers(1, 250)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A world near the edge of a zone, by the minute or by the second."""
    zone, edge = draw(NEAR)
    tick = draw(TICKS)
    start = edge + draw(BEFORE) * tick
    agreements = draw(agreements_near(zone, start, tick))
    entries = draw(histories(start, tick))
    end = max(entry.at for entry in entries) + draw(AFTER) * tick
    return World(tick=tick, agreements=agreements, entries=entries, end=end)
