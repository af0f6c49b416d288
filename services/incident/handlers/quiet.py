"""What time alone decides about alerts: a held clearing settles, a source that has gone silent expires."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.incident.domain import silence
from services.incident.domain.alerts import OpenAlert
from services.incident.domain.closure import Resolve
from services.incident.domain.episodes import Alert, counts_for, expired
from services.incident.domain.flapping import CLEARED, EXPIRED, scheduled, text
from services.incident.handlers.claims import ALERTS, OPEN_ALERTS
from services.incident.handlers.clearings import close
from services.incident.handlers.ports import Ports
from shared.cause import Cause, service_actor
from shared.lease import Lease
from shared.storage import from_document, to_document
from shared.unit_of_work import Work

ACTOR = service_actor("incident")
AT_ONCE = 50
_FLOOR = datetime(1990, 1, 1, tzinfo=UTC)


def look(work: Work, lease: Lease, *, ports: Ports) -> int:
    """Look at the claims that are due, at most `AT_ONCE`; returns how many there were.

    Whoever has lost the lease commits nothing; a firing that comes at the same moment makes it begin again.
    """
    work.fence(lease.name, lease.token)
    return look_at_due(work, ports=ports)


def look_at_due(work: Work, *, ports: Ports) -> int:
    """The same without a lease."""
    found = work.store.find(OPEN_ALERTS, {}, sort="due_at", after=_FLOOR, until=work.now, limit=AT_ONCE)
    rows = work.adopt(OPEN_ALERTS, found)
    ports.incidents.get_many(work, sorted({row["incident"] for row in rows}))
    for row in rows:
        _look_at(work, row["_id"], from_document(OpenAlert, row), ports)
    return len(rows)


def _look_at(work: Work, fingerprint: str, claim: OpenAlert, ports: Ports) -> None:
    if claim.firing <= 0:
        if claim.settles_at is not None and claim.settles_at <= work.now:
            words = f"Its alert had flapped, and has been quiet for {text(ports.alerts.flapping.settle)} since."
            _close(work, fingerprint, claim, Resolve(code=CLEARED, text=words), ports)
        else:
            _keep(work, fingerprint, scheduled(claim, settles_at=claim.settles_at, looks_at=None))
        return
    firing = _firing(work, fingerprint, claim.incident)
    silent = [key for key, alert in firing.items() if _is_silent(alert, claim, work.now, ports)]
    for key in silent:
        _expire(work, key, firing.pop(key))
    claim = replace(claim, firing=len(firing))
    if silent and not firing:
        _close(work, fingerprint, claim, Resolve(code=EXPIRED, text=_reason(work, silent, claim, ports)), ports)
        return
    rules = ports.alerts.silence
    looks_at = silence.next_look(firing.values(), rules, beside_cleared=claim.beside_cleared)
    _keep(work, fingerprint, scheduled(claim, settles_at=claim.settles_at, looks_at=looks_at))


def _firing(work: Work, fingerprint: str, incident: str) -> dict[str, Alert]:
    rows = work.adopt(ALERTS, work.store.find(ALERTS, {"fingerprint": fingerprint}))
    alerts = {row["_id"]: from_document(Alert, row) for row in rows}
    return {key: alert for key, alert in alerts.items() if counts_for(alert, incident)}


def _is_silent(alert: Alert, claim: OpenAlert, now: datetime, ports: Ports) -> bool:
    return silence.is_silent(alert, now, ports.alerts.silence, beside_cleared=claim.beside_cleared)


def _expire(work: Work, key: str, alert: Alert) -> None:
    row = work.load(ALERTS, [key])[key]
    work.put(ALERTS, key, {**row, **to_document(expired(alert, work.now))})


def _reason(work: Work, keys: list[str], claim: OpenAlert, ports: Ports) -> str:
    alerts = [from_document(Alert, row) for row in work.load(ALERTS, keys).values()]
    names = ", ".join(sorted(alert.source or "its sender" for alert in alerts))
    spans = [
        span
        for alert in alerts
        if (span := silence.patience(alert, ports.alerts.silence, beside_cleared=claim.beside_cleared)) is not None
    ]
    beside = ", and another sender of the same alert has cleared" if claim.beside_cleared else ""
    return f"{names} has not repeated the alert for {text(max(spans, default=timedelta()))}{beside}."


def _close(work: Work, fingerprint: str, claim: OpenAlert, resolve: Resolve, ports: Ports) -> None:
    cause = Cause(actor=ACTOR, correlationid=work.ids.new())
    close(work, fingerprint, claim, resolve, work.now, cause, ports=ports)


def _keep(work: Work, fingerprint: str, claim: OpenAlert) -> None:
    work.put(OPEN_ALERTS, fingerprint, to_document(claim))
