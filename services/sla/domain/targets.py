"""One policy: the targets of each kind of clock, the points on the way to them, what pauses and what stops a clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from services.sla.domain.kinds import Kind, StopsAt
from services.sla.domain.mark import TARGET, Mark, Side

_NOTHING = timedelta(0)


class OnReopen(StrEnum):
    """What a clock that had stopped does when its incident is reopened: go on where it was, or start anew."""

    CONTINUE = "continue"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """A threshold of a policy, and the clocks that have it."""

    mark: Mark
    clocks: frozenset[Kind] = frozenset(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A threshold on the way of one kind of clock: its name, and how much open time has gone when it is reached."""

    mark: Mark
    name: str
    amount: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is agreed for some incidents. `thresholds` lie anywhere after the start; the target is one unnamed.

    `pauses` are the waiting reasons while which the clocks stand. `others` are the targets of the kinds of clocks that
    no policy need have; those of the first agreement have the two before them.
    """

    name: str
    calendar: str
    response: timedelta | None = None
    resolution: timedelta | None = None
    thresholds: tuple[Agreed, ...] = ()
    response_stops_at: StopsAt = StopsAt.EITHER
    pauses: frozenset[str] = field(default_factory=frozenset)
    on_reopen: OnReopen = OnReopen.CONTINUE
    others: Mapping[Kind, timedelta] = field(default_factory=dict)
    _ways: dict[Kind, tuple[Point, ...]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def target(self, kind: Kind) -> timedelta:
        """How much open time a clock of this kind may run. Raises KeyError for one that the policy does not have."""
        return self.targets[kind]

    @property
    def targets(self) -> Mapping[Kind, timedelta]:
        """The targets by kind of clock; a kind without one has no clocks."""
        required = {Kind.RESPONSE: self.response, Kind.RESOLUTION: self.resolution}
        return {**{kind: target for kind, target in required.items() if target is not None}, **self.others}

    def marks(self, kind: Kind) -> tuple[Mark, ...]:
        """The thresholds of a clock of this kind in the order in which it passes them, the target among them.

        One that would lie at the start or before it is none.
        """
        return tuple(point.mark for point in self.way(kind))

    def way(self, kind: Kind) -> tuple[Point, ...]:
        """The marks of this kind, each with its name and where it lies; none for a kind without a target."""
        # A fold asks at every turn of a clock.
        found = self._ways.get(kind)
        if found is None:
            target = self.targets.get(kind)
            found = self._ways[kind] = () if target is None else self._way(kind, target)
        return found

    def _way(self, kind: Kind, target: timedelta) -> tuple[Point, ...]:
        named = [one.mark for one in self.thresholds if kind in one.clocks and one.mark.amount(target) > _NOTHING]
        if all(mark.side is not Side.TARGET for mark in named):
            named.append(TARGET)
        points = (Point(mark=mark, name=mark.name, amount=mark.amount(target)) for mark in named)
        return tuple(sorted(points, key=lambda point: point.amount))
