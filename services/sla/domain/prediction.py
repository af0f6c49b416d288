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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

FEWEST = 20
FEWEST_LONGER = 5
HALF = 0.5
QUARTER = 0.25
Steps = Sequence[tuple[float, float]]
"""Lengths in rising order, each with the part that lasts longer than it."""


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


@dataclass(slots=True, kw_only=True)
class Past:
    """Lengths of records by what they have in common."""

    groups: dict[tuple[By, str, str], list[Length]] = field(default_factory=dict)

    def add(self, length: Length) -> None:
        """Take one record in."""
        for by, value in _places(length):
            self.groups.setdefault((by, length.priority, value), []).append(length)


def predict(past: Past, running: Running) -> Prediction:
    """What the nearest group of records that is large enough says."""
    found = [(by, past.groups.get((by, running.priority, value), [])) for by, value in _places(running)]
    by, such = next(((by, one) for by, one in found if _finished(one) >= FEWEST), (None, []))
    if by is None:
        return Prediction(
            outlook=Outlook.UNKNOWN, by=None, n=max((_finished(one) for _, one in found), default=0), longer=0
        )
    return judge(by, such, running.elapsed, running.target)


def judge(by: By, such: Sequence[Length], elapsed: float, target: float) -> Prediction:
    """What records say of one that has lasted `elapsed` and may take `target`."""
    longer = sum(one.finished and one.seconds > elapsed for one in such)
    n = _finished(such)
    if longer < FEWEST_LONGER:
        return Prediction(outlook=Outlook.UNKNOWN, by=by, n=n, longer=longer)
    steps = surviving(such, elapsed)
    late = part_beyond(steps, target)
    reached = any(one.seconds >= target for one in such)
    outlook = Outlook.UNLIKELY if late <= HALF else Outlook.LIKELY if reached else Outlook.UNKNOWN
    return Prediction(
        outlook=outlook,
        by=by,
        n=n,
        longer=longer,
        late=late,
        median=ends_by(steps, HALF),
        three_quarters=ends_by(steps, QUARTER),
    )


def surviving(such: Sequence[Length], elapsed: float) -> Steps:
    """The part that lasts longer than each length at which some ended, of those that lasted longer than `elapsed`."""
    known = sorted(one.seconds for one in such)
    ends = sorted(one.seconds for one in such if one.finished and one.seconds > elapsed)
    steps, part = list[tuple[float, float]](), 1.0
    for length, ended in groupby(ends):
        at_risk = len(known) - bisect_left(known, length)
        part *= 1 - len(list(ended)) / at_risk
        steps.append((length, part))
    return steps


def part_beyond(steps: Steps, length: float) -> float:
    """The part that lasts longer than a length."""
    place = bisect_right([one for one, _ in steps], length)
    return steps[place - 1][1] if place else 1.0


def ends_by(steps: Steps, left: float) -> float | None:
    """The shortest length after which no more than this part is left; None when so few never ended."""
    # A product of fractions that should be a half may miss it by the last bit.
    return next((length for length, part in steps if part <= left + 1e-12), None)


def _finished(such: Iterable[Length]) -> int:
    return sum(one.finished for one in such)


def _places(one: Length | Running) -> list[tuple[By, str]]:
    values: Mapping[By, str | None] = {By.TEAM: one.team, By.SERVICE: one.service}
    return [(by, value) for by, value in values.items() if value is not None]
