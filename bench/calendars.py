"""`python -m bench.calendars`: how long business time takes over 1 and 20 years, reckoned first and again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from statistics import median
from time import perf_counter

from rich.console import Console
from rich.table import Table

from services.sla.domain.calendar import Calendar, Interval, Version, add_business, business_time
from services.sla.domain.calendar_reasons import explain
from services.sla.domain.zone import _zone, offsets

ROUNDS = 9
START = datetime(2006, 1, 1, tzinfo=UTC)
OFFICE = (
    Interval(opens=timedelta(hours=8), closes=timedelta(hours=12)),
    Interval(opens=timedelta(hours=13), closes=timedelta(hours=18)),
)
HOLIDAYS = {date(year, 12, 25): "Christmas Day" for year in range(1970, 2101)}


def main() -> int:
    """Measure and print medians; exit code 0 whatever the figures are."""
    table = Table("calendar", "years", "zones and pieces first", "pieces first", "again", "add, again", "explain")
    for name, make in {"office": office, "24x7": always, "union of 3": union, "20 versions": versions}.items():
        for years in (1, 20):
            table.add_row(name, str(years), *(_shown(seconds) for seconds in measure(make, years)))
    Console().print(table)
    return 0


def measure(make: Callable[[], Calendar], years: int) -> list[float]:
    """Seconds: everything new, a new calendar in known zones, known pieces, adding, explaining."""
    end = START.replace(year=START.year + years)
    cold, warm, again, added, explained = ([] for _ in range(5))
    for _ in range(ROUNDS):
        offsets.cache_clear()
        _zone.cache_clear()
        cold.append(_timed(lambda calendar: business_time(calendar, START, end), make()))
        calendar = make()
        warm.append(_timed(lambda calendar: business_time(calendar, START, end), calendar))
        again.append(_timed(lambda calendar: business_time(calendar, START, end), calendar))
        added.append(_timed(lambda calendar: add_business(calendar, START, timedelta(hours=45)), calendar))
        explained.append(_timed(lambda calendar: explain(calendar, START, end), calendar))
    return [median(each) for each in (cold, warm, again, added, explained)]


def office(zone: str = "Europe/Berlin") -> Calendar:
    return Calendar(name=zone, zone=zone, week=(OFFICE,) * 5 + ((),) * 2, holidays=HOLIDAYS)


def always() -> Calendar:
    return Calendar(name="always", zone="UTC", week=((Interval(opens=timedelta(0), closes=timedelta(days=1)),),) * 7)


def union() -> Calendar:
    zones = ("Europe/Berlin", "America/New_York", "Asia/Tokyo")
    return Calendar(name="sun", zone="UTC", union=tuple(office(zone) for zone in zones))


def versions() -> Calendar:
    later = tuple(
        Version(effective_from=datetime(year, 7, 1, tzinfo=UTC), calendar=office()) for year in range(2006, 2026)
    )
    return Calendar(name="versions", zone="Europe/Berlin", week=office().week, holidays=HOLIDAYS, versions=later)


def _timed(run: Callable[[Calendar], object], calendar: Calendar) -> float:
    begun = perf_counter()
    run(calendar)
    return perf_counter() - begun


def _shown(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"


if __name__ == "__main__":
    sys.exit(main())
