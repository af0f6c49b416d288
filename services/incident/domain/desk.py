"""The settings of this desk, as its rules take them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from services.incident.domain.alert_rules import AlertRules
from services.incident.domain.priority import PriorityTable

GAP_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRules:
    """Priorities, alerts, and for how long a gap in a foreign desk's history may stay open before it is told."""

    priorities: PriorityTable
    alerts: AlertRules = field(default_factory=AlertRules)
    gap_after: timedelta = GAP_AFTER
