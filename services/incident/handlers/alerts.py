"""Alerts of monitors: a batch of them, in the order in which they came.

A storm is nearly all repetition, so what is repeated costs an occurrence row and no more: the incident is not
touched, and the alert and the claim are written once a batch however often they occur in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.incident.domain import alerts
from services.incident.domain.adjusted import far_off
from services.incident.domain.alert_rules import Clocks, counted, is_far_off
from services.incident.domain.alerts import Alert, OpenAlert, Outcome, Signal, Status
from services.incident.domain.closure import Resolve
from services.incident.domain.history import moment
from services.incident.domain.lifecycle import Action
from services.incident.events import ALERT_FIRING
from services.incident.handlers.claims import ALERTS, OPEN_ALERTS
from services.incident.handlers.ports import Ports, sender
from services.incident.handlers.records import change, open_one
from shared.cause import Cause
from shared.clock import format_instant
from shared.envelope import Envelope
from shared.errors import DeskwireError, Rejected
from shared.ids import joined
from shared.storage import from_document, to_document
from shared.unit_of_work import Work

OCCURRENCES = "occurrences"
EVERY_SOURCE = ""
"""The source of an alert whose sender names none; a resolution without a source is kept there and holds for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A signal, the message that brought it, and when it counts as said: as it is dated, or now (`counted`)."""

    envelope: Envelope
    signal: Signal
    at: datetime

    @property
    def key(self) -> str:
        """The alert it is about."""
        return alert_key(self.signal.fingerprint, self.signal.source)

    @property
    def by_arrival(self) -> bool:
        """Whether its sender's clock is not believed, so that the order of arrival tells."""
        return self.at != self.envelope.time

    @property
    def fires(self) -> bool:
        """Whether it says that the alert fires, and not that it is over."""
        return self.envelope.type == ALERT_FIRING


def told(envelope: Envelope, signal: Signal, now: datetime, clocks: Clocks) -> Told:
    """What a message says, with a note where its time is far off."""
    at = counted(envelope.time, now, clocks, history=envelope.backfill)
    if not envelope.backfill and is_far_off(envelope.time, now, clocks):
        signal = replace(signal, adjusted=(*signal.adjusted, far_off(format_instant(envelope.time))))
    return Told(envelope=envelope, signal=signal, at=at)


def alert_key(fingerprint: str, source: str | None) -> str:
    """The key of an alert: what is wrong, and who says so."""
    return joined(fingerprint, source or EVERY_SOURCE)


def take_alerts(work: Work, batch: Sequence[Told], *, ports: Ports) -> Mapping[str, DeskwireError]:
    """Open, join or resolve incidents. Returns the messages it rejects, by id."""
    if not batch:
        return {}
    book = _Book(work, ports)
    book.read(batch)
    rejected: dict[str, DeskwireError] = {}
    for told in batch:
        try:
            outcome, incident = book.fire(told) if told.fires else book.resolve(told)
        except Rejected as error:
            rejected[told.envelope.id] = error
        else:
            _occurred(work, told, outcome, incident)
    book.write()
    return rejected


class _Book:
    """The alerts and claims of a batch: read once, kept here while it is worked through, written once."""

    def __init__(self, work: Work, ports: Ports) -> None:
        self._work = work
        self._ports = ports
        self._alerts: dict[str, Alert] = {}
        self._details: dict[str, Mapping[str, Any]] = {}
        self._claims: dict[str, OpenAlert] = {}
        self._changed_alerts: set[str] = set()
        self._changed_claims: set[str] = set()

    def read(self, batch: Sequence[Told]) -> None:
        """Three reads for the batch, and two more where it has resolutions."""
        fingerprints = {told.signal.fingerprint for told in batch}
        keys = {told.key for told in batch} | {alert_key(one, None) for one in fingerprints}
        rows = list(self._work.load(ALERTS, keys).values())
        for_all = [told.signal.fingerprint for told in batch if not told.fires and not told.signal.source]
        if for_all:
            # By the fingerprint alone: a list beside another field makes the embedded database read all there is.
            found = self._work.adopt(ALERTS, self._work.store.find(ALERTS, {"fingerprint": sorted(set(for_all))}))
            rows += [row for row in found if row["status"] == Status.FIRING.value]
        self._alerts = {row["_id"]: from_document(Alert, row) for row in rows}
        self._details = {row["_id"]: row["details"] for row in rows}
        claims = self._work.load(OPEN_ALERTS, fingerprints)
        self._claims = {key: from_document(OpenAlert, row) for key, row in claims.items()}
        ending = {told.signal.fingerprint for told in batch if not told.fires} & self._claims.keys()
        self._ports.incidents.get_many(self._work, sorted({self._claims[key].incident for key in ending}))

    def fire(self, told: Told) -> tuple[Outcome, str | None]:
        signal, at = told.signal, told.at
        alert = self._alert(told)
        everywhere = self._alerts.get(alert_key(signal.fingerprint, None))
        resolutions = (alert.resolved_at, everywhere.resolved_at if everywhere else None)
        # What is dated ahead counts as of now, as does a resolution of the same batch: here the order of arrival tells.
        if not told.by_arrival and alerts.is_stale(at, *resolutions):
            return Outcome.STALE, alert.incident
        claim, outcome = self._claims.get(signal.fingerprint), Outcome.JOINED
        if claim is None:
            claim, outcome = self._open(told), Outcome.OPENED
        newly = not alerts.counts_for(alert, claim.incident)
        self._keep(told.key, alerts.fired(alert, at, claim.incident), told)
        last_at = max(claim.last_at, at)
        claim = replace(claim, count=claim.count + 1, firing=claim.firing + newly, last_at=last_at)
        self._hold(signal.fingerprint, claim)
        return outcome, claim.incident

    def resolve(self, told: Told) -> tuple[Outcome, str | None]:
        fingerprint, at = told.signal.fingerprint, told.at
        keys = [told.key] if told.signal.source else self._firing(fingerprint)
        claim = self._claims.get(fingerprint)
        cleared = [key for key in keys if self._clear(key, told, claim)]
        if not told.signal.source and told.key not in keys:
            self._clear(told.key, told, claim)
        if claim is None:
            return Outcome.UNKNOWN, self._alerts[told.key].incident
        if not cleared:
            return Outcome.STALE, claim.incident
        claim = replace(claim, firing=claim.firing - len(cleared), last_at=max(claim.last_at, at))
        self._hold(fingerprint, claim)
        if claim.firing <= 0:
            self._close(told, claim)
        return Outcome.CLEARED, claim.incident

    def write(self) -> None:
        for key in sorted(self._changed_alerts):
            self._work.put(ALERTS, key, {**to_document(self._alerts[key]), "details": self._details[key]})
        for fingerprint in sorted(self._changed_claims & self._claims.keys()):
            self._work.put(OPEN_ALERTS, fingerprint, to_document(self._claims[fingerprint]))

    def _alert(self, told: Told) -> Alert:
        unheard = Alert(
            fingerprint=told.signal.fingerprint, source=told.signal.source or EVERY_SOURCE, status=Status.RESOLVED
        )
        return self._alerts.get(told.key, unheard)

    def _firing(self, fingerprint: str) -> list[str]:
        return [
            key
            for key, alert in self._alerts.items()
            if alert.fingerprint == fingerprint and alert.status is Status.FIRING
        ]

    def _clear(self, key: str, told: Told, claim: OpenAlert | None) -> bool:
        """Mark one alert; whether that takes a reason away for which the incident is open."""
        before = self._alerts.get(key) or self._alert(told)
        after = alerts.resolved(before, told.at)
        self._keep(key, after, told)
        if claim is None or not alerts.counts_for(before, claim.incident):
            return False
        return not alerts.counts_for(after, claim.incident)

    def _keep(self, key: str, alert: Alert, told: Told) -> None:
        self._alerts[key] = alert
        self._changed_alerts.add(key)
        if told.fires or key not in self._details:
            self._details[key] = _details(told.signal)

    def _hold(self, fingerprint: str, claim: OpenAlert) -> None:
        self._claims[fingerprint] = claim
        self._changed_claims.add(fingerprint)

    def _open(self, told: Told) -> OpenAlert:
        signal, envelope = told.signal, told.envelope
        opened = open_one(
            self._work,
            alerts.opening(signal, self._ports.priorities),
            told.at,
            Cause.of(envelope, sender(envelope)),
            ports=self._ports,
            fingerprint=signal.fingerprint,
        )
        claim = OpenAlert(incident=opened.key, last_at=told.at)
        # Taken at once, not with the rest: a resolution in the same batch must find it to give it back.
        self._work.claim(OPEN_ALERTS, signal.fingerprint, to_document(claim))
        return claim

    def _close(self, told: Told, claim: OpenAlert) -> None:
        envelope = told.envelope
        stored = self._ports.incidents.get(self._work, claim.incident)
        at = moment(stored.state, told.at, self._work.now)
        steps = [(Action.RESOLVE, Resolve(code=alerts.CLEARED, text="Its last alert has cleared."))]
        change(self._work, stored, steps, at, Cause.of(envelope, sender(envelope)), ports=self._ports)
        del self._claims[told.signal.fingerprint]


def _occurred(work: Work, told: Told, outcome: Outcome, incident: str | None) -> None:
    row = {
        "alert": told.key,
        "incident": incident,
        "at": told.at,
        "stored_at": work.now,
        "kind": told.envelope.type,
        "outcome": outcome.value,
    }
    work.append(OCCURRENCES, joined(told.envelope.source, told.envelope.id), row)


def _details(signal: Signal) -> dict[str, Any]:
    # Label names are the sender's: as keys of a document they could start with a dollar or hold a dot.
    return {
        "title": signal.title,
        "severity": signal.severity.value,
        "severity_word": signal.severity_word,
        "ci": signal.ci,
        "url": signal.url,
        "adjusted": [note.as_plain() for note in signal.adjusted],
        "labels": [{"name": name, "value": value} for name, value in signal.labels],
    }
