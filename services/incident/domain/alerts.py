"""Alerts: which incident one belongs to, and what its sender says.

An alert is known by its fingerprint (what is wrong, whoever says so) and its source (who says so).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from services.incident.domain.adjusted import Adjusted
from services.incident.domain.opening import Opening
from services.incident.domain.priority import PriorityTable, Severity


class Outcome(StrEnum):
    """What an occurrence of an alert led to."""

    OPENED = "opened"
    JOINED = "joined"
    REOPENED = "reopened"
    STALE = "stale"
    CLEARED = "cleared"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlert:
    """The claim of an unfinished incident on a fingerprint: how often it occurred and how many alerts still fire.

    `severity` is the highest so far, `worst` that of what fires now (None where it is the same), `history` whether
    nothing but history has told of it since it was opened or reopened, `said_at` when the newest firing said what is
    wrong. `cleared` are the latest moments at which nothing fired any more, `beside_cleared` is whether one source has
    cleared while others fire. `settles_at`, where the last clearing is held because the alert flaps, and `looks_at`,
    where a source may have gone silent, are when to look at it again; `due_at` is the earlier of them.
    `ending_at`, where a resolution for every source is being carried out in parts, is what it is dated, and
    `ending_heard_at` when it came.
    """

    incident: str
    count: int = 0
    firing: int = 0
    last_at: datetime
    severity: Severity | None = None
    worst: Severity | None = None
    history: bool = False
    said_at: datetime | None = None
    cleared: tuple[datetime, ...] = ()
    held: bool = False
    beside_cleared: bool = False
    settles_at: datetime | None = None
    looks_at: datetime | None = None
    due_at: datetime | None = None
    ending_at: datetime | None = None
    ending_heard_at: datetime | None = None


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
