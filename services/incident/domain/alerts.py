"""Alerts: which incident one belongs to, and when the last of them has cleared.

An alert is known by its fingerprint (what is wrong, whoever says so) and its source (who says so). Senders run in
pairs and repeat themselves, and messages overtake each other; so what holds is decided by when each thing happened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from services.incident.domain.adjusted import Adjusted
from services.incident.domain.opening import Opening
from services.incident.domain.priority import PriorityTable, Severity

CLEARED = "alert_cleared"
"""The resolution code of an incident whose last alert has cleared."""


class Status(StrEnum):
    """What an alert's source says last."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Outcome(StrEnum):
    """What an occurrence of an alert led to."""

    OPENED = "opened"
    JOINED = "joined"
    STALE = "stale"
    CLEARED = "cleared"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert. `fired_at` and `resolved_at` are the latest of each; `incident` is the one it joined last."""

    fingerprint: str
    source: str
    status: Status
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    incident: str | None = None
    occurrences: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlert:
    """The claim of an unfinished incident on a fingerprint: how often it occurred and how many alerts still fire."""

    incident: str
    count: int = 0
    firing: int = 0
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a sender said. Without a source, a resolution speaks for every source of the fingerprint.

    `outage` says that the service is down; it marks the incident that the alert opens. `titled` is whether the title
    is its sender's, `severity_word` the sender's word for the severity, `adjusted` what was bent to take it.
    """

    dedup_key: str
    title: str
    severity: Severity
    source: str | None = None
    description: str | None = None
    ci: str | None = None
    service: str | None = None
    organisation: str | None = None
    url: str | None = None
    outage: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    titled: bool = True
    severity_word: str | None = None
    adjusted: tuple[Adjusted, ...] = ()

    @property
    def fingerprint(self) -> str:
        """See `fingerprint`."""
        return fingerprint(self.dedup_key)


@lru_cache(maxsize=4096)
def fingerprint(dedup_key: str) -> str:
    """A stable hash of the deduplication key alone, so that every sender of a pair comes to the same incident."""
    return hashlib.sha256(dedup_key.encode()).hexdigest()[:32]


def opening(signal: Signal, priorities: PriorityTable) -> Opening:
    """The incident that an alert opens."""
    weight = priorities.severities[signal.severity]
    return Opening(
        title=signal.title,
        description=signal.description,
        channel="alert",
        impact=weight.impact,
        urgency=weight.urgency,
        ci=signal.ci,
        service=signal.service,
        organisation=signal.organisation,
        url=signal.url,
        outage=signal.outage,
        adjusted=signal.adjusted,
    )


def is_stale(at: datetime, *resolutions: datetime | None) -> bool:
    """Whether a firing tells nothing new: it happened no later than a resolution that is known already."""
    return any(resolved_at is not None and at <= resolved_at for resolved_at in resolutions)


def fired(alert: Alert, at: datetime, incident: str) -> Alert:
    """The alert after a firing that is not stale."""
    fired_at = at if alert.fired_at is None else max(at, alert.fired_at)
    return replace(alert, status=Status.FIRING, fired_at=fired_at, incident=incident, occurrences=alert.occurrences + 1)


def resolved(alert: Alert, at: datetime) -> Alert:
    """The alert after a resolution. One that happened before the last firing leaves it firing."""
    resolved_at = at if alert.resolved_at is None else max(at, alert.resolved_at)
    still = alert.status is Status.FIRING and alert.fired_at is not None and at < alert.fired_at
    return replace(alert, status=Status.FIRING if still else Status.RESOLVED, resolved_at=resolved_at)


def counts_for(alert: Alert, incident: str) -> bool:
    """Whether the alert keeps this incident open."""
    return alert.status is Status.FIRING and alert.incident == incident
