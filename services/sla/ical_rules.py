"""The days on which a rule of an iCalendar file lets a day recur (RFC 5545, 3.3.10), with the work for it bounded.

The bound is on work that is counted, never on time: the same file is read or refused on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

from dateutil.rrule import rrulestr
from icalendar import vRecur

MOST_WORK = 60_000_000
"""For all rules of a file, in comparisons of a day with a value: about a second, or 150 yearly rules since 1970."""
_DAYS = {"YEARLY": 366, "MONTHLY": 31, "WEEKLY": 7, "DAILY": 1}
_STEP, _DAY = 200, 8
"""What a step of a rule and a day that it looks at cost besides the values compared."""
_TIMES = ("BYHOUR", "BYMINUTE", "BYSECOND")


class Effort:
    """What may still be spent on a file."""

    def __init__(self, left: int = MOST_WORK) -> None:
        self._left = left

    def spend(self, amount: int) -> None:
        """Raises ValueError when nothing is left."""
        self._left -= amount
        if self._left < 0:
            raise ValueError("it holds more recurrences than can be worked out: give them an end, or fewer rules")


class _Interval(int):
    """The interval of a rule, which notes each step that is made by it, whether or not a day comes of it."""

    step: Callable[[], None]

    def __radd__(self, other: int) -> int:
        self.step()
        return int(self) + other

    def __mul__(self, other: int) -> int:
        self.step()
        return int(self) * other


def recurrences(rule: Mapping[str, Any], first: date, last: date, effort: Effort) -> Iterator[date]:
    """The days from `first` to `last`, in order. `rule` has no UNTIL: that is `last`.

    Times of day are left out, as the standard demands of a rule for days. Raises ValueError for a rule of less than a
    day, or when `effort` is used up.
    """
    frequency = str(rule.get("FREQ", [""])[0])
    if frequency not in _DAYS:
        raise ValueError(f"a whole day recurs {', '.join(_DAYS)}")
    values = [value for name, value in rule.items() if name.startswith("BY") and name not in _TIMES]
    cost = _STEP + _DAYS[frequency] * (_DAY + sum(map(len, values)))
    interval = _Interval(rule.get("INTERVAL", [1])[0])
    interval.step = lambda: effort.spend(cost)
    written: Any = vRecur({name: value for name, value in rule.items() if name not in _TIMES})
    text = written.to_ical().decode()
    for found in rrulestr(text, dtstart=datetime.combine(first, time.min)).replace(interval=interval):
        if found.date() > last:
            return
        yield found.date()
