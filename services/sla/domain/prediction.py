"""Whether a running record will be solved in time, by how long such records took.

Such records are those of the same priority and team or, where that team has too few, of the same priority and service.
Their open times give the part that lasts longer than any length, by the product-limit estimate (Kaplan and Meier,
1958): those that are still open count as lasting at least so long, or a recent past would be short of long ones.

What is asked is conditional: of those that lasted as long as this one has, which part took longer than its target? More
than half of them makes a breach likely; that is, the median such record ends after the due instant. Nothing is said by
fewer than `FEWEST` finished records, or by fewer than `FEWEST_LONGER` finished ones that lasted so long.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

FEWEST = 20
FEWEST_LONGER = 5
HALF = 0.5
QUARTER = 0.25


class Outlook(StrEnum):
    """What is to be expected of a running record."""

    LIKELY = "likely"
    UNLIKELY = "unlikely"
    UNKNOWN = "unknown"


class By(StrEnum):
    """What the records have in common besides the priority, nearest first."""

    TEAM = "team"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How long a record took, or has lasted so far when it is not `finished`, in seconds of open time."""

    priority: str
    team: str | None
    service: str | None
    seconds: float
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A record that is open: what it is like, how much open time has gone and how much it may take."""

    priority: str
    team: str | None
    service: str | None
    elapsed: float
    target: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What such records say. `n` of them are finished, `longer` of these lasted longer than this one has so far.

    `late` is the part of those that lasts past the target, from 0 to 1; `median` and `three_quarters` are the whole
    lengths, in seconds, by which half and three quarters of those end, None where that is not known. All three are None
    when nothing is said.
    """

    outlook: Outlook
    by: By | None
    n: int
    longer: int
    late: float | None = None
    median: float | None = None
    three_quarters: float | None = None


_LAST_BITS = 1e-12
"""A product of fractions that should be a half may miss it by its last bits."""


@dataclass(frozen=True, slots=True)
class Group:
    """How long such records take, sorted once. `parts` is what lasts longer than each of `lengths`, from 1 to 0."""

    known: tuple[float, ...]
    ends: tuple[float, ...]
    lengths: tuple[float, ...]
    parts: tuple[float, ...]

    def after(self, elapsed: float) -> tuple[int, float]:
        """The place of the first length beyond `elapsed`, and the part that lasts longer than `elapsed`."""
        place = bisect_right(self.lengths, elapsed)
        return place, self.parts[place - 1] if place else 1.0


def grouped(such: Iterable[Length]) -> Group:
    """The product-limit estimate of Kaplan and Meier over these records."""
    such = list(such)
    known = tuple(sorted(one.seconds for one in such))
    ends = tuple(sorted(one.seconds for one in such if one.finished))
    lengths, parts, part = list[float](), list[float](), 1.0
    for length, ended in groupby(ends):
        part *= 1 - len(list(ended)) / (len(known) - bisect_left(known, length))
        lengths.append(length)
        parts.append(part)
    return Group(known, ends, tuple(lengths), tuple(parts))


_NONE = grouped(())


@dataclass(slots=True, kw_only=True)
class Past:
    """Lengths of records by what they have in common."""

    groups: dict[tuple[By, str, str], list[Length]] = field(default_factory=dict)
    _sorted: dict[tuple[By, str, str], Group] = field(default_factory=dict)

    def add(self, length: Length) -> None:
        """Take one record in."""
        for by, value in _places(length):
            self.groups.setdefault((by, length.priority, value), []).append(length)
            self._sorted.pop((by, length.priority, value), None)

    def group(self, by: By, priority: str, value: str) -> Group:
        """The records that have this in common; sorted once for all that are judged by them."""
        key = by, priority, value
        if key not in self._sorted:
            self._sorted[key] = grouped(self.groups[key]) if key in self.groups else _NONE
        return self._sorted[key]


def predict(past: Past, running: Running) -> Prediction:
    """What the nearest group of records that is large enough says."""
    found = [(by, past.group(by, running.priority, value)) for by, value in _places(running)]
    by, such = next(((by, one) for by, one in found if len(one.ends) >= FEWEST), (None, _NONE))
    if by is None:
        return Prediction(
            outlook=Outlook.UNKNOWN, by=None, n=max((len(one.ends) for _, one in found), default=0), longer=0
        )
    return judge(by, such, running.elapsed, running.target)


def judge(by: By, such: Group, elapsed: float, target: float) -> Prediction:
    """What records say of one that has lasted `elapsed` and may take `target`."""
    n = len(such.ends)
    longer = n - bisect_right(such.ends, elapsed)
    if longer < FEWEST_LONGER:
        return Prediction(outlook=Outlook.UNKNOWN, by=by, n=n, longer=longer)
    late = part_beyond(such, elapsed, target)
    reached = such.known[-1] >= target
    outlook = Outlook.UNLIKELY if late <= HALF + _LAST_BITS else Outlook.LIKELY if reached else Outlook.UNKNOWN
    return Prediction(
        outlook=outlook,
        by=by,
        n=n,
        longer=longer,
        late=late,
        median=ends_by(such, elapsed, HALF),
        three_quarters=ends_by(such, elapsed, QUARTER),
    )


def part_beyond(such: Group, elapsed: float, length: float) -> float:
    """The part that lasts longer than a length, of those that lasted longer than `elapsed`."""
    first, whole = such.after(elapsed)
    place = bisect_right(such.lengths, length)
    return such.parts[place - 1] / whole if place > first else 1.0


def ends_by(such: Group, elapsed: float, left: float) -> float | None:
    """The shortest length after which no more than this part is left of those that lasted longer than `elapsed`.

    None when so few never ended.
    """
    first, whole = such.after(elapsed)
    most = (left + _LAST_BITS) * whole
    place = bisect_left(such.parts, -most, lo=first, key=lambda part: -part)
    return such.lengths[place] if place < len(such.lengths) else None


def _places(one: Length | Running) -> list[tuple[By, str]]:
    values: Mapping[By, str | None] = {By.TEAM: one.team, By.SERVICE: one.service}
    return [(by, value) for by, value in values.items() if value is not None]
