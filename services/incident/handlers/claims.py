"""The claim that makes an incident the only open one of its fingerprint: kept while it is unfinished."""

from __future__ import annotations

from datetime import datetime

from services.incident.domain.alerts import OpenAlert
from services.incident.domain.flapping import scheduled
from services.incident.domain.following import rank
from services.incident.domain.record import Incident
from services.incident.handlers.firing import PART, firing, rewrite
from shared.errors import NotAllowed
from shared.storage import Stored, from_document, to_document
from shared.unit_of_work import Work

OPEN_ALERTS = "open_alerts"


def claim_of(work: Work, fingerprint: str) -> OpenAlert | None:
    """The claim on a fingerprint, where there is one."""
    row = work.load(OPEN_ALERTS, [fingerprint]).get(fingerprint)
    return None if row is None else from_document(OpenAlert, row)


def keep_claim(work: Work, stored: Stored[Incident], after: Incident, at: datetime) -> None:
    """Give the claim back when the record is finished, take it again when it is reopened.

    In the transaction of the change, so that an alert that comes at the same moment meets one or the other.
    Raises NotAllowed (`another-incident-is-open`) when its alert has another incident meanwhile.
    """
    fingerprint = after.fingerprint
    if fingerprint is None or stored.state.unfinished == after.unfinished:
        return
    claim = claim_of(work, fingerprint)
    if not after.unfinished:
        if claim is not None and claim.incident == stored.key:
            work.release(OPEN_ALERTS, fingerprint)
        return
    if claim is not None and claim.incident != stored.key:
        raise NotAllowed(f"{claim.incident} is open for the same alert", slug="another-incident-is-open")
    if claim is None:
        _take_again(work, fingerprint, stored.key, at)


def _take_again(work: Work, fingerprint: str, number: str, at: datetime) -> None:
    alerts = firing(work, fingerprint, number)
    # Written as they are, so that an alert which clears at this moment makes one of the two begin again. Where they
    # are too many for that, the tick counts them at once.
    rewrite(work, list(alerts.items())[:PART])
    worst = max((alert.severity for alert in alerts.values() if alert.severity is not None), key=rank, default=None)
    claim = OpenAlert(incident=number, firing=len(alerts), last_at=at, severity=worst)
    if len(alerts) > PART:
        claim = scheduled(claim, settles_at=None, looks_at=work.now)
    work.put(OPEN_ALERTS, fingerprint, to_document(claim))
