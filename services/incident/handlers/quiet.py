"""What time alone decides about alerts: a held clearing settles, a source that has gone silent expires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.incident.domain import silence
from services.incident.domain.alerts import OpenAlert
from services.incident.domain.closure import Resolve
from services.incident.domain.episodes import Alert, expired, resolved
from services.incident.domain.flapping import CLEARED, EXPIRED, scheduled, text
from services.incident.handlers.claims import OPEN_ALERTS
from services.incident.handlers.clearings import OVER, close
from services.incident.handlers.firing import PART, firing, rewrite
from services.incident.handlers.ports import Ports
from shared.cause import Cause, service_actor
from shared.lease import Lease
from shared.storage import from_document, to_document
from shared.store import Document
from shared.unit_of_work import Work

ACTOR = service_actor("incident")
AT_ONCE = 50
NAMED = 10
"""Sources that are named in a reason; of more only the number is told."""
LATER = timedelta(minutes=10)
"""When a claim is looked at again that could not be dealt with."""
_FLOOR = datetime(1990, 1, 1, tzinfo=UTC)


def look(work: Work, most: int, *, lease: Lease, ports: Ports) -> int:
    """Look at the claims that are due, at most `most`; returns how many there were.

    Whoever has lost the lease commits nothing; a firing that comes at the same moment makes it begin again.
    """
    work.fence(lease.name, lease.token)
    return look_at_due(work, most, ports=ports)


def look_at_due(work: Work, most: int = AT_ONCE, *, ports: Ports) -> int:
    """The same without a lease."""
    rows = _due(work, most)
    ports.incidents.get_many(work, sorted({row["incident"] for row in rows}))
    for row in rows:
        _look_at(work, row["_id"], from_document(OpenAlert, row), ports)
    return len(rows)


def postpone(work: Work, _error: Exception, *, lease: Lease) -> str | None:
    """Look at the first claim that is due later, so that it holds up no other; returns its incident."""
    work.fence(lease.name, lease.token)
    for row in _due(work, 1):
        later = work.now + LATER
        work.put(OPEN_ALERTS, row["_id"], {**row, "due_at": later})
        return str(row["incident"])
    return None


def _due(work: Work, most: int) -> list[Document]:
    found = work.store.find(OPEN_ALERTS, {}, sort="due_at", after=_FLOOR, until=work.now, limit=most)
    return work.adopt(OPEN_ALERTS, found)


def _look_at(work: Work, fingerprint: str, claim: OpenAlert, ports: Ports) -> None:
    if claim.firing <= 0:
        if claim.settles_at is not None and claim.settles_at <= work.now:
            words = f"Its alert had flapped, and has been quiet for {text(ports.alerts.flapping.settle)} since."
            _close(work, fingerprint, claim, Resolve(code=CLEARED, text=words), ports)
        else:
            _keep(work, fingerprint, scheduled(claim, settles_at=claim.settles_at, looks_at=None))
        return
    alerts = firing(work, fingerprint, claim.incident)
    over = _over(alerts, claim, work.now, ports)
    part = dict(list(over.items())[:PART])
    rewrite(work, part.items())
    left = {key: alert for key, alert in alerts.items() if key not in part}
    claim = replace(claim, firing=len(left))
    if part and not left:
        _close(work, fingerprint, claim, _words([alerts[key] for key in part], claim, ports), ports)
        return
    if len(over) > len(part):
        looks_at: datetime | None = work.now
    else:
        claim = replace(claim, ending_at=None, ending_heard_at=None)
        looks_at = silence.next_look(left.values(), ports.alerts.silence, beside_cleared=claim.beside_cleared)
    _keep(work, fingerprint, scheduled(claim, settles_at=claim.settles_at, looks_at=looks_at))


def _over(alerts: Mapping[str, Alert], claim: OpenAlert, now: datetime, ports: Ports) -> dict[str, Alert]:
    """Those that are over, as they are then: what a resolution for every source ends, and what has gone silent."""
    over = {}
    for key, alert in alerts.items():
        if _is_ending(alert, claim):
            after = resolved(alert, claim.ending_at or now, claim.ending_heard_at or now, late=ports.alerts.clocks.late)
        elif _is_silent(alert, claim, now, ports):
            # As of what was last heard of it, so that whatever it says next is new.
            after = expired(alert, now)
        else:
            continue
        if not after.fires:
            over[key] = after
    return over


def _is_ending(alert: Alert, claim: OpenAlert) -> bool:
    heard_at = claim.ending_heard_at
    return heard_at is not None and (alert.heard_at is None or alert.heard_at <= heard_at)


def _words(alerts: Sequence[Alert], claim: OpenAlert, ports: Ports) -> Resolve:
    if claim.ending_at is not None:
        return OVER
    return Resolve(code=EXPIRED, text=_reason(alerts, claim, ports))


def _is_silent(alert: Alert, claim: OpenAlert, now: datetime, ports: Ports) -> bool:
    return silence.is_silent(alert, now, ports.alerts.silence, beside_cleared=claim.beside_cleared)


def _reason(alerts: Sequence[Alert], claim: OpenAlert, ports: Ports) -> str:
    sources = sorted(alert.source or "its sender" for alert in alerts)
    others = f" and {len(sources) - NAMED} others" if len(sources) > NAMED else ""
    names = ", ".join(sources[:NAMED]) + others
    spans = [
        span
        for alert in alerts
        if (span := silence.patience(alert, ports.alerts.silence, beside_cleared=claim.beside_cleared)) is not None
    ]
    beside = ", and another sender of the same alert has cleared" if claim.beside_cleared else ""
    verb = "have" if others else "has"
    return f"{names} {verb} not repeated the alert for {text(max(spans, default=timedelta()))}{beside}."


def _close(work: Work, fingerprint: str, claim: OpenAlert, resolve: Resolve, ports: Ports) -> None:
    cause = Cause(actor=ACTOR, correlationid=work.ids.new())
    close(work, fingerprint, claim, resolve, work.now, cause, ports=ports)


def _keep(work: Work, fingerprint: str, claim: OpenAlert) -> None:
    work.put(OPEN_ALERTS, fingerprint, to_document(claim))
