"""Priority from impact and urgency by a table (ITIL 4, incident management), and both from an alert's severity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.incident.domain.record import Degree, Priority


class Severity(StrEnum):
    """How bad a monitor says it is."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """An impact and an urgency."""

    impact: Degree
    urgency: Degree


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityTable:
    """The settings of this desk; every combination is there (the settings' schema sees to it).

    `lanes` names the lane in which events of a priority travel.
    """

    priorities: Mapping[tuple[Degree, Degree], Priority]
    severities: Mapping[Severity, Weight]
    lanes: Mapping[Priority, str]

    def priority(self, impact: Degree, urgency: Degree) -> Priority:
        """The priority of an impact (first) and an urgency."""
        return self.priorities[impact, urgency]
