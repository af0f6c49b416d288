"""What was agreed: policies by rule and version, the calendars they are measured in, what stops or pauses a clock.

The rules of a version are tried in order, and the first that takes the incident wins. The version is the one in
force when the record began: a record keeps the agreements under which it was opened (ITIL 4 service level
management: a target is what was agreed, not what was agreed since). A change of a field that a rule reads chooses
anew, among the rules of that version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from services.sla.domain.basis import Basis, Condition
from services.sla.domain.calendar import Calendar, fingerprint
from services.sla.domain.inputs import Inputs, digest
from services.sla.domain.kinds import Kind as Kind
from services.sla.domain.kinds import StopsAt as StopsAt
from services.sla.domain.mark import TARGET, Mark, Side
from services.sla.domain.zone import zone_database

PRIORITIES = ("P1", "P2", "P3", "P4")
WAITING_REASONS = ("user", "vendor", "customer", "change", "problem", "other")
_NOTHING = timedelta(0)
_MOST_FOUND = 10_000
HIDDEN = "hidden"
"""The reason of a restricted incident that waits: its events do not tell why."""


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
    """One agreement. `thresholds` lie anywhere after the start; the target is one without being named.

    `pauses` are the waiting reasons while which the clocks stand. `others` are the targets of the kinds of clocks that
    a policy need not have.
    """

    name: str
    calendar: str
    response: timedelta
    resolution: timedelta
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
        return {Kind.RESPONSE: self.response, Kind.RESOLUTION: self.resolution, **self.others}

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The policy for the incidents that meet all conditions; without conditions, for every one."""

    policy: Policy
    conditions: tuple[Condition, ...] = ()

    def takes(self, basis: Basis) -> bool:
        """Whether the incident meets every condition."""
        return all(condition.holds(basis) for condition in self.conditions)

    def covers(self, other: Rule) -> bool:
        """Whether this rule takes everything that the other takes."""
        return all(any(theirs.implies(mine) for theirs in other.conditions) for mine in self.conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """One version of all policies, for records that began at `effective_from` or later; None is since ever."""

    version: str
    rules: tuple[Rule, ...]
    effective_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The policy for an incident, with the version and the rule (from 1 on) that chose it, and why."""

    policy: Policy
    version: str
    rule: int
    basis: Basis
    conditions: tuple[Condition, ...]

    @property
    def why(self) -> str:
        """`matched rule 4 (premium-network) because priority is P1 and service is network`."""
        met = [f"{one.field.value} is {self.basis.value(one.field)}" for one in self.conditions]
        return f"matched rule {self.rule} ({self.policy.name}) because {' and '.join(met) or 'it takes every incident'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for a record: the policy that matched, the calendar that it names, and what both are computed with."""

    match: Match
    calendar: Calendar
    inputs: Inputs

    @property
    def policy(self) -> Policy:
        """The policy that matched."""
        return self.match.policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreements:
    """All versions of the policies, rising by `effective_from`, and the calendars by name.

    Every version has a rule for every incident, and every policy's calendar is there. `zones` is the edition of the
    time zone database that the calendars are read by.
    """

    versions: tuple[PolicySet, ...]
    calendars: Mapping[str, Calendar]
    zones: str = field(default_factory=zone_database)
    _found: dict[tuple[str, Basis], Terms] = field(default_factory=dict, init=False, compare=False, repr=False)
    _inputs: dict[tuple[str, str], Inputs] = field(default_factory=dict, init=False, compare=False, repr=False)
    _edition: list[str] = field(default_factory=list, init=False, compare=False, repr=False)

    @property
    def edition(self) -> str:
        """16 hexadecimal digits that differ when anything differs by which some clock is computed."""
        if not self._edition:
            calendars = {name: fingerprint(calendar) for name, calendar in self.calendars.items()}
            self._edition.append(digest([self.versions, calendars, self.zones]))
        return self._edition[0]

    def inputs(self, version: PolicySet, calendar: str) -> Inputs:
        """What a clock is computed with that has a policy of this version with this calendar."""
        found = self._inputs.get((version.version, calendar))
        if found is None:
            found = self._inputs[version.version, calendar] = Inputs(
                policies=f"{version.version} {digest(version.rules)}",
                calendar=f"{calendar} {fingerprint(self.calendars[calendar])}",
                zones=self.zones,
            )
        return found

    def version_at(self, started_at: datetime) -> PolicySet:
        """The version for records that began at this instant; the first one for those that are older than it."""
        in_force = self.versions[0]
        for one in self.versions[1:]:
            if one.effective_from is not None and one.effective_from <= started_at:
                in_force = one
        return in_force

    def match(self, basis: Basis, started_at: datetime) -> Match:
        """The first rule that takes the incident, in the version for records that began at `started_at`."""
        return self._match(basis, self.version_at(started_at))

    def terms(self, basis: Basis, started_at: datetime) -> Terms:
        """What holds for an incident that began at `started_at`."""
        # A fold asks this several times for each entry, and a desk has few combinations of these fields.
        version = self.version_at(started_at)
        found = self._found.get((version.version, basis))
        if found is None:
            match = self._match(basis, version)
            calendar = match.policy.calendar
            found = Terms(match=match, calendar=self.calendars[calendar], inputs=self.inputs(version, calendar))
            if len(self._found) >= _MOST_FOUND:
                self._found.clear()
            self._found[version.version, basis] = found
        return found

    def _match(self, basis: Basis, version: PolicySet) -> Match:
        for number, rule in enumerate(version.rules, start=1):
            if rule.takes(basis):
                return Match(
                    policy=rule.policy,
                    version=version.version,
                    rule=number,
                    basis=basis,
                    conditions=rule.conditions,
                )
        raise AssertionError("unreachable: a version has a rule for every incident")
