"""The alerts of one fingerprint that fire for its incident: all of them, however many, without what they say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields

from services.incident.domain.episodes import Alert, Status, counts_for
from services.incident.handlers.news import light
from shared.errors import Conflict
from shared.storage import from_document, to_document
from shared.store import Document
from shared.unit_of_work import Work

ALERTS = "alerts"
PART = 50
"""Alerts that one transaction changes at most; the tick goes on with the others."""
WINDOW = 500
_FIELDS = ("key", *(one.name for one in fields(Alert)))


def firing(work: Work, fingerprint: str, incident: str) -> dict[str, Alert]:
    """The alerts that keep an incident open, as the store has them, by key: read in windows, whole."""
    alerts = {row["_id"]: from_document(Alert, row) for row in _rows(work, fingerprint, incident)}
    return {key: alert for key, alert in alerts.items() if counts_for(alert, incident)}


def rewrite(work: Work, alerts: Iterable[tuple[str, Alert]]) -> None:
    """Write alerts with what they said; one that another writer changes at this moment makes one of the two begin
    again."""
    changed = dict(alerts)
    rows = work.load(ALERTS, list(changed))
    for key, alert in changed.items():
        row = rows.get(key)
        if row is None or row["status"] != Status.FIRING.value:
            raise Conflict(f"the alert {key} has cleared meanwhile")
        work.put(ALERTS, key, {**row, **to_document(alert), "details": light(row["details"])})


def _rows(work: Work, fingerprint: str, incident: str) -> Iterator[Document]:
    where = {"fingerprint": fingerprint, "status": Status.FIRING.value, "incident": incident}
    after = ""
    while rows := work.store.find(ALERTS, where, sort="key", after=after, limit=WINDOW, fields=_FIELDS):
        yield from rows
        after = rows[-1]["key"]
