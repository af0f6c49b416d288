"""What was agreed: targets by priority, the calendar they are measured in, and what stops or pauses a clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from services.sla.domain.calendar import Calendar

PRIORITIES = ("P1", "P2", "P3", "P4")
WAITING_REASONS = ("user", "vendor", "customer", "change", "problem", "other")
HIDDEN = "hidden"
"""The reason of a restricted incident that waits: its events do not tell why."""
TARGET_PERCENT = 100
"""The threshold at which the whole target has gone: past it a clock is breached."""


class Kind(StrEnum):
    """What a clock measures (ITIL 4 service level management: time to respond, time to resolve)."""

    RESPONSE = "response"
    RESOLUTION = "resolution"


class StopsAt(StrEnum):
    """What stops a response clock: the first acceptance, the first public reply, or whichever comes first."""

    ACCEPT = "accept"
    REPLY = "reply"
    EITHER = "either"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The agreement for one priority. `thresholds` are percents of the target, rising, each below 100.

    `pauses` are the waiting reasons while which the clocks stand.
    """

    name: str
    calendar: str
    response: timedelta
    resolution: timedelta
    thresholds: tuple[int, ...] = ()
    response_stops_at: StopsAt = StopsAt.EITHER
    pauses: frozenset[str] = field(default_factory=frozenset)

    def target(self, kind: Kind) -> timedelta:
        """How much open time a clock of this kind may run."""
        return self.response if kind is Kind.RESPONSE else self.resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A policy with the calendar that it names."""

    policy: Policy
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreements:
    """All policies by priority, and the calendars by name. Each priority has a policy whose calendar is there."""

    policies: Mapping[str, Policy]
    calendars: Mapping[str, Calendar]

    def terms(self, priority: str) -> Terms:
        """What holds for a priority."""
        policy = self.policies[priority]
        return Terms(policy=policy, calendar=self.calendars[policy.calendar])
