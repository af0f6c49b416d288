"""The alerts and claims of a batch: read once, kept while it is worked through, written once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.incident.domain import episodes
from services.incident.domain.alerts import OpenAlert, Outcome, opening
from services.incident.domain.episodes import Alert, Status
from services.incident.domain.flapping import Clearing, is_flapping, scheduled, with_clearing
from services.incident.domain.following import rank
from services.incident.domain.priority import Severity
from services.incident.handlers.claims import OPEN_ALERTS
from services.incident.handlers.clearings import OVER, close, hold, read_clearings, reopen, tell_former
from services.incident.handlers.firing import ALERTS, PART, firing
from services.incident.handlers.news import News, details, heard, light, tell
from services.incident.handlers.ports import Ports
from services.incident.handlers.records import open_one
from services.incident.handlers.told import EVERY_SOURCE, Told, alert_key, set_back
from shared.storage import from_document, to_document
from shared.unit_of_work import Work


class Book:
    """See the module."""

    def __init__(self, work: Work, ports: Ports) -> None:
        self._work = work
        self._ports = ports
        self._alerts: dict[str, Alert] = {}
        self._details: dict[str, Mapping[str, Any]] = {}
        self._claims: dict[str, OpenAlert] = {}
        self._clearings: Mapping[str, Clearing] = {}
        self._news: dict[str, News] = {}
        self._in_parts: set[str] = set()
        self._changed_alerts: set[str] = set()
        self._changed_claims: set[str] = set()

    def read(self, batch: Sequence[Told]) -> None:
        """Two reads for the batch, and up to four more where it has resolutions or something new."""
        fingerprints = {told.signal.fingerprint for told in batch}
        keys = {told.key for told in batch} | {alert_key(fingerprint, None) for fingerprint in fingerprints}
        rows = list(self._work.load(ALERTS, keys).values())
        claims = self._work.load(OPEN_ALERTS, fingerprints)
        self._claims = {key: from_document(OpenAlert, row) for key, row in claims.items()}
        for fingerprint in sorted({one.signal.fingerprint for one in batch if not one.fires and not one.signal.source}):
            rows += self._fire_still(fingerprint)
        self._alerts = {row["_id"]: from_document(Alert, row) for row in rows}
        self._details = {row["_id"]: row["details"] for row in rows}
        new = {told.signal.fingerprint for told in batch if told.fires} - self._claims.keys()
        self._clearings = read_clearings(self._work, sorted(new)) if new else {}
        ending = {told.signal.fingerprint for told in batch if not told.fires} & self._claims.keys()
        numbers = {self._claims[key].incident for key in ending} | {one.incident for one in self._clearings.values()}
        self._ports.incidents.get_many(self._work, sorted(numbers))

    def fire(self, told: Told) -> tuple[Outcome, str | None]:
        """A firing: stale, or it opens, reopens or joins an incident."""
        fingerprint, at, now = told.signal.fingerprint, told.at, self._work.now
        alert = self._alert(told)
        everywhere = self._alerts.get(alert_key(fingerprint, None))
        # What is dated ahead or far off counts as of now: here the order of arrival tells.
        if not told.by_arrival and episodes.is_late_firing(alert, at, now, late=told.late, everywhere=everywhere):
            return Outcome.STALE, alert.incident
        claim, outcome = self._claims.get(fingerprint), Outcome.JOINED
        if claim is None:
            back = not told.by_arrival and episodes.is_set_back(alert, at, everywhere)
            anew = alert.expired and alert.resolved_at is not None and at <= alert.resolved_at
            claim, outcome = self._open(set_back(told, now) if back else replace(told, at=now) if anew else told)
        newly = not episodes.counts_for(alert, claim.incident)
        last = self._details.get(told.key) if alert.incident == claim.incident else None
        severity, begun = told.signal.severity, episodes.begun(alert)
        after = episodes.fired(begun, at, claim.incident, now, severity=severity, late=told.late)
        self._keep(told.key, after, told)
        claim = replace(
            claim,
            count=claim.count + 1,
            firing=claim.firing + newly,
            last_at=max(claim.last_at, at),
            beside_cleared=claim.beside_cleared and not newly,
        )
        claim = self._weighed(told, claim, last)
        if outcome is Outcome.OPENED:
            claim = replace(claim, said_at=at, history=told.envelope.backfill)
        else:
            if outcome is Outcome.REOPENED:
                claim = replace(claim, history=told.envelope.backfill, worst=told.signal.severity)
            news, claim = heard(self._news.get(fingerprint), told, claim, last)
            self._news |= {fingerprint: news} if news is not None else {}
        self._hold(fingerprint, self._watched(told, claim))
        return outcome, claim.incident

    def resolve(self, told: Told) -> tuple[Outcome, str | None]:
        """A resolution: unknown, stale, or it clears alerts; with the last of them the incident is over."""
        fingerprint, at = told.signal.fingerprint, told.at
        keys = [told.key] if told.signal.source else self._firing(fingerprint)
        claim = self._claims.get(fingerprint)
        cleared = [key for key in keys if self._clear(key, told, claim)]
        if not told.signal.source and told.key not in keys:
            self._clear(told.key, told, claim, clears=bool(cleared))
        if claim is None:
            return Outcome.UNKNOWN, self._alerts[told.key].incident
        if not cleared and fingerprint not in self._in_parts:
            return Outcome.STALE, claim.incident
        claim = replace(claim, firing=claim.firing - len(cleared), last_at=max(claim.last_at, at))
        if not told.signal.source and fingerprint in self._in_parts:
            claim = replace(claim, ending_at=at, ending_heard_at=self._work.now)
            claim = scheduled(claim, settles_at=claim.settles_at, looks_at=self._work.now)
        self._hold(fingerprint, claim)
        if claim.firing <= 0:
            self._over(told, claim)
        else:
            claim = replace(claim, worst=self._worst(fingerprint, claim))
            self._hold(fingerprint, self._beside_cleared(claim))
        return Outcome.CLEARED, claim.incident

    def write(self) -> None:
        """Write what has changed, and tell the news."""
        for fingerprint, news in sorted(self._news.items()):
            tell(self._work, self._claims[fingerprint], news, ports=self._ports)
        for key in sorted(self._changed_alerts):
            self._work.put(ALERTS, key, {**to_document(self._alerts[key]), "details": light(self._details[key])})
        for fingerprint in sorted(self._changed_claims & self._claims.keys()):
            self._work.put(OPEN_ALERTS, fingerprint, to_document(self._claims[fingerprint]))

    def _fire_still(self, fingerprint: str) -> list[dict[str, Any]]:
        """What a resolution for every source ends; where it is too much for one transaction, the tick goes on."""
        claim = self._claims.get(fingerprint)
        if claim is None:
            where = {"fingerprint": fingerprint, "status": Status.FIRING.value}
            return self._work.adopt(ALERTS, self._work.store.find(ALERTS, where, limit=PART))
        keys = list(firing(self._work, fingerprint, claim.incident))
        if len(keys) > PART:
            self._in_parts.add(fingerprint)
        return list(self._work.load(ALERTS, keys[:PART]).values())

    def _alert(self, told: Told) -> Alert:
        unheard = Alert(
            fingerprint=told.signal.fingerprint, source=told.signal.source or EVERY_SOURCE, status=Status.RESOLVED
        )
        return self._alerts.get(told.key, unheard)

    def _weighed(self, told: Told, claim: OpenAlert, last: Mapping[str, Any] | None) -> OpenAlert:
        """The claim where an alert says less than it did: how bad what fires now is."""
        if last is None or rank(told.signal.severity) >= rank(Severity(last["severity"])):
            return claim
        return replace(claim, worst=self._worst(told.signal.fingerprint, claim))

    def _worst(self, fingerprint: str, claim: OpenAlert) -> Severity | None:
        rows = self._work.adopt(ALERTS, self._work.store.find(ALERTS, {"fingerprint": fingerprint}))
        alerts = {row["_id"]: from_document(Alert, row) for row in rows}
        alerts |= {key: alert for key, alert in self._alerts.items() if alert.fingerprint == fingerprint}
        firing = [alert for alert in alerts.values() if episodes.counts_for(alert, claim.incident)]
        return max((alert.severity for alert in firing if alert.severity is not None), key=rank, default=None)

    def _firing(self, fingerprint: str) -> list[str]:
        return [key for key, alert in self._alerts.items() if alert.fingerprint == fingerprint and alert.fires]

    def _clear(self, key: str, told: Told, claim: OpenAlert | None, *, clears: bool = False) -> bool:
        """Mark one alert; whether that takes a reason away for which the incident is open."""
        before = self._alerts.get(key) or self._alert(told)
        if clears:
            # What it ended elsewhere it has ended: its time holds, also where a clock was set back before it.
            before = replace(before, resolved_at=None)
        if told.by_arrival and before.fires:
            after = episodes.ended(before, told.at, self._work.now)
        else:
            after = episodes.resolved(before, told.at, self._work.now, late=told.late)
        self._keep(key, after, told)
        if claim is None or not episodes.counts_for(before, claim.incident):
            return False
        return not episodes.counts_for(after, claim.incident)

    def _keep(self, key: str, alert: Alert, told: Told) -> None:
        self._alerts[key] = alert
        self._changed_alerts.add(key)
        if told.fires or key not in self._details:
            self._details[key] = details(told.signal)

    def _hold(self, fingerprint: str, claim: OpenAlert) -> None:
        self._claims[fingerprint] = claim
        self._changed_claims.add(fingerprint)

    def _watched(self, told: Told, claim: OpenAlert) -> OpenAlert:
        """The claim while its alert fires: nothing settles, and a source that must repeat itself is looked after."""
        looks_at = claim.looks_at
        span = self._ports.alerts.silence.expire_after.get(told.signal.source or EVERY_SOURCE)
        if span is not None:
            looks_at = min(looks_at or self._work.now + span, self._work.now + span)
        if (claim.settles_at, claim.looks_at) == (None, looks_at):
            return claim
        return scheduled(claim, settles_at=None, looks_at=looks_at)

    def _beside_cleared(self, claim: OpenAlert) -> OpenAlert:
        """The claim when a source has cleared and others still fire: they may be of a sender that is gone."""
        span = self._ports.alerts.silence.beside_cleared
        moments = [moment for moment in (claim.looks_at, None if span is None else self._work.now + span) if moment]
        return scheduled(
            replace(claim, beside_cleared=True), settles_at=claim.settles_at, looks_at=min(moments, default=None)
        )

    def _open(self, told: Told) -> tuple[OpenAlert, Outcome]:
        fingerprint = told.signal.fingerprint
        clearing = self._clearings.get(fingerprint) or read_clearings(self._work, [fingerprint]).get(fingerprint)
        claim = None
        if clearing is not None:
            claim = reopen(self._work, clearing, told.at, told.cause, ports=self._ports)
        if claim is not None:
            return claim, Outcome.REOPENED
        opened = open_one(
            self._work,
            opening(told.signal, self._ports.priorities),
            told.at,
            told.cause,
            ports=self._ports,
            fingerprint=fingerprint,
        )
        if clearing is not None:
            tell_former(self._work, clearing, opened, told.cause, ports=self._ports)
        claim = OpenAlert(incident=opened.key, last_at=told.at, severity=told.signal.severity)
        # Taken at once, not with the rest: a resolution in the same batch must find it to give it back.
        self._work.claim(OPEN_ALERTS, fingerprint, to_document(claim))
        return claim, Outcome.OPENED

    def _over(self, told: Told, claim: OpenAlert) -> None:
        """Nothing fires any more: the incident is resolved, or held open while the alert flaps."""
        fingerprint, rules = told.signal.fingerprint, self._ports.alerts.flapping
        claim = with_clearing(claim, told.at, rules)
        news = self._news.pop(fingerprint, None)
        if news is not None:
            tell(self._work, claim, news, ports=self._ports)
        # In history there is nothing to wait for: what happened next is told already.
        if told.late is None or not is_flapping(claim, rules):
            close(self._work, fingerprint, claim, OVER, told.at, told.cause, ports=self._ports)
            del self._claims[fingerprint]
            return
        if not claim.held:
            hold(self._work, claim, told.at, told.cause, ports=self._ports)
        held = replace(claim, held=True)
        settles_at = self._work.now + rules.settle
        self._hold(fingerprint, scheduled(held, settles_at=settles_at, looks_at=claim.looks_at))
