"""What was agreed: policies by rule and version, the calendars they are measured in, what stops or pauses a clock.

An incident may be under several agreements at once, each with clocks of its own. Of each of them the rules of a version
are tried in order, and the first that takes the incident wins. The version is the one in force when the record began: a
record keeps the agreements under which it was opened (ITIL 4 service level management: a target is what was agreed, not
what was agreed since). A change of a field that a rule reads chooses anew, among the rules of that version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.sla.domain.basis import Basis, Condition
from services.sla.domain.calendar import Calendar, fingerprint
from services.sla.domain.inputs import Inputs, digest
from services.sla.domain.kinds import Kind as Kind
from services.sla.domain.kinds import StopsAt as StopsAt
from services.sla.domain.targets import Agreed as Agreed
from services.sla.domain.targets import OnReopen as OnReopen
from services.sla.domain.targets import Policy as Policy
from services.sla.domain.zone import zone_database

PRIORITIES = ("P1", "P2", "P3", "P4")
WAITING_REASONS = ("user", "vendor", "customer", "change", "problem", "other")
_MOST_FOUND = 10_000
MAIN = "main"
"""The name of the first agreement, which takes every incident."""
ALL = "all"
"""What questions call every agreement."""
HIDDEN = "hidden"
"""The reason of a restricted incident that waits: its events do not tell why."""


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
    """The policy for an incident, with the version and the rule (from 1 on) that chose it, and why.

    Rule 0 is none: nothing is agreed for the incident, and the policy has no targets.
    """

    policy: Policy
    version: str
    rule: int
    basis: Basis
    conditions: tuple[Condition, ...]

    @property
    def why(self) -> str:
        """`matched rule 4 (premium-network) because priority is P1 and service is network`."""
        if not self.rule:
            return "no rule takes it"
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

    @property
    def hold(self) -> bool:
        """Whether anything is agreed."""
        return self.match.rule > 0


_BEFORE_ALL = PolicySet(version="-", rules=())
"""What a further agreement says of records that are older than its first version."""


RULES = 2
"""Goes up when the fold makes something else of the same history and agreements: what rests on the rules before is then
computed anew, as after a change of the agreements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreements:
    """All versions of the policies of one agreement, rising by `effective_from`, and the calendars by name.

    Every version of the first agreement has a rule for every incident; those of the `further` ones, which hold beside
    it, need not. What is agreed in an `internal` one is no promise to a requester. Every policy's calendar is there.
    `zones` is the edition of the time zone database that the calendars are read by.
    """

    versions: tuple[PolicySet, ...]
    calendars: Mapping[str, Calendar]
    zones: str = field(default_factory=zone_database)
    name: str = MAIN
    internal: bool = False
    further: tuple[Agreements, ...] = ()
    _found: dict[tuple[str, Basis], Terms] = field(default_factory=dict, init=False, compare=False, repr=False)
    _inputs: dict[tuple[str, str], Inputs] = field(default_factory=dict, init=False, compare=False, repr=False)
    _edition: list[str] = field(default_factory=list, init=False, compare=False, repr=False)

    @property
    def edition(self) -> str:
        """16 hexadecimal digits that differ when anything differs by which some clock is computed."""
        if not self._edition:
            calendars = {name: fingerprint(calendar) for name, calendar in self.calendars.items()}
            beside = [[[one.name, one.internal, one.versions] for one in self.further]] if self.further else []
            self._edition.append(digest([RULES, self.versions, calendars, self.zones, *beside]))
        return self._edition[0]

    @property
    def every(self) -> tuple[Agreements, ...]:
        """The first agreement and the further ones."""
        return (self, *self.further)

    def of(self, name: str) -> Agreements:
        """The agreement of this name; of a name that is known no more, one that takes nothing and promises nothing."""
        if name == self.name:
            return self
        found = next((one for one in self.further if one.name == name), None)
        return found or Agreements(versions=(), calendars=self.calendars, zones=self.zones, name=name, internal=True)

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
        """The version for records that began at this instant.

        For those that are older than all, the first agreement has its first version, and a further one has none.
        """
        first, later = (self.versions[0], self.versions[1:]) if self.name == MAIN else (_BEFORE_ALL, self.versions)
        in_force = first
        for one in later:
            if one.effective_from is None or one.effective_from <= started_at:
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
        if self.name == MAIN:
            raise AssertionError("unreachable: a version of the first agreement has a rule for every incident")
        nothing = Policy(name="none", calendar=next(iter(self.calendars)))
        return Match(policy=nothing, version=version.version, rule=0, basis=basis, conditions=())
