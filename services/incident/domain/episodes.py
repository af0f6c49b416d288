"""Episodes of an alert: from when it fires until it has cleared, as its source tells it.

Senders run in pairs and repeat themselves, messages overtake each other, and clocks are set back. So the time of a
message is a hint. What comes late is told from what is new by how far it lies behind: what a message lags behind the
one that overtook it, by the sender's clock and by ours together, is `lag`. A message that was overtaken lags by the
time it was on its way; a clock that was set back lags by how far it was set, whenever the message comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.incident.domain.priority import Severity

PAIR = timedelta(minutes=1)
"""How far apart the two of a pair may tell the same thing."""
REMEMBERED = 8
"""Episodes before the present or last one that are remembered, to know late copies by."""


class Status(StrEnum):
    """What an alert's source says last."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Some time by a sender's clock, both ends in it; `heard_at` is when its end was heard, by ours."""

    began_at: datetime
    ended_at: datetime
    heard_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it happened in it, or as near as the two of a pair are."""
        return self.began_at - PAIR <= at <= self.ended_at + PAIR


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert. `fired_at` and `resolved_at` are the latest of each; `incident` is the one it joined last.

    `began_at` is the first firing of the present or last episode, `earlier` the few before it. Times are the
    sender's but for `heard_at` (its last message that counted) and `fired_heard_at` (that of `fired_at`), which are
    ours. `expired` is whether nobody said that it is over, so that whatever it says next is new.
    """

    fingerprint: str
    source: str
    status: Status
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    incident: str | None = None
    occurrences: int = 0
    severity: Severity | None = None
    began_at: datetime | None = None
    earlier: tuple[Span, ...] = ()
    heard_at: datetime | None = None
    fired_heard_at: datetime | None = None
    expired: bool = False

    @property
    def fires(self) -> bool:
        return self.status is Status.FIRING


def is_late_firing(
    alert: Alert, at: datetime, now: datetime, *, late: timedelta | None, everywhere: Alert | None
) -> bool:
    """Whether a firing tells nothing new: it happened before a resolution that is known already.

    `everywhere` is the alert in which resolutions for every source are kept. `late` is the longest lag of what was
    overtaken; None is for history, in which the times alone tell.
    """
    resolutions = list(_resolutions(alert, everywhere))
    if late is None:
        return any(at <= resolved_at for resolved_at, _ in resolutions)
    if alert.fires:
        begun = alert.began_at or alert.fired_at
        overtaken = any(begun is not None and at <= resolved_at < begun for resolved_at, _ in resolutions)
        return overtaken or _is_of_earlier(alert, at, now)
    if not alert.expired and (_is_within_last(alert, at) or _is_ahead_of_last(alert, at, now, late)):
        return True
    return any(
        at < resolved_at and lag(at, resolved_at, heard_at, now) <= late for resolved_at, heard_at in resolutions
    )


def is_set_back(alert: Alert, at: datetime, everywhere: Alert | None) -> bool:
    """Whether a firing that is not late is dated before a resolution that has come: its clock was set back."""
    return not alert.fires and any(at < resolved_at for resolved_at, _ in _resolutions(alert, everywhere))


def fired(
    alert: Alert, at: datetime, incident: str, now: datetime, *, severity: Severity, late: timedelta | None
) -> Alert:
    """The alert after a firing that is not late: a new episode where it had cleared."""
    began_at, newest = alert.began_at, alert.fired_at is None or at >= alert.fired_at
    if alert.fired_at is None or began_at is None:
        began_at, newest = at, True
    elif at < began_at and (late is None or lag(at, alert.fired_at, alert.fired_heard_at, now) <= late):
        began_at = at
    # One copy: this is done for each repetition of a storm.
    return replace(
        alert,
        status=Status.FIRING,
        incident=incident,
        occurrences=alert.occurrences + 1,
        severity=severity,
        expired=False,
        heard_at=now,
        began_at=began_at,
        fired_at=at if newest else alert.fired_at,
        fired_heard_at=now if newest else alert.fired_heard_at,
    )


def begun(alert: Alert) -> Alert:
    """The alert at the start of another episode: what is known of the last one is put by."""
    if alert.resolved_at is None or alert.fires:
        return alert
    ends = [moment for moment in (alert.began_at, alert.fired_at, alert.resolved_at) if moment is not None]
    last = Span(began_at=min(ends), ended_at=max(ends), heard_at=alert.heard_at)
    # What has expired was never said to be over: what is said of it again is no copy.
    earlier = alert.earlier if alert.expired else (*alert.earlier, last)[-REMEMBERED:]
    return replace(alert, earlier=earlier, began_at=None, fired_at=None, fired_heard_at=None)


def resolved(alert: Alert, at: datetime, now: datetime, *, late: timedelta | None) -> Alert:
    """The alert after a resolution. One that happened before the last firing, or that is a copy, leaves it firing."""
    if not alert.fires:
        return replace(alert, resolved_at=_latest(alert.resolved_at, at), heard_at=now, expired=False)
    if alert.fired_at is not None and _is_overtaken(alert, at, now, late):
        stands = alert.began_at is None or at < alert.began_at
        return replace(alert, resolved_at=_latest(alert.resolved_at, at) if stands else alert.resolved_at)
    return ended(alert, at, now)


def ended(alert: Alert, at: datetime, now: datetime) -> Alert:
    """The alert that is over, whatever was said before."""
    return replace(alert, status=Status.RESOLVED, resolved_at=at, heard_at=now)


def expired(alert: Alert, now: datetime) -> Alert:
    """The alert that nobody has repeated for too long: over as of what was last heard of it."""
    return replace(ended(alert, alert.fired_at or now, alert.heard_at or now), expired=True)


def counts_for(alert: Alert, incident: str) -> bool:
    """Whether the alert keeps this incident open."""
    return alert.fires and alert.incident == incident


def lag(at: datetime, ahead: datetime, heard_at: datetime | None, now: datetime) -> timedelta:
    """By how much a message dated `at` that comes `now` lags behind one dated `ahead` that came at `heard_at`."""
    return (ahead - at) + (timedelta() if heard_at is None else now - heard_at)


def _is_overtaken(alert: Alert, at: datetime, now: datetime, late: timedelta | None) -> bool:
    fired_at = alert.fired_at
    if fired_at is None or late is None:
        return fired_at is not None and at < fired_at
    if at >= fired_at:
        return _is_of_earlier(alert, at, now)
    return _is_in_earlier(alert, at) or lag(at, fired_at, alert.fired_heard_at, now) <= late


def _is_of_earlier(alert: Alert, at: datetime, now: datetime) -> bool:
    """Whether it was said in an earlier episode: it lies in one, and ahead of what the present clock can have said."""
    if alert.fired_at is None or not _is_in_earlier(alert, at):
        return False
    passed = timedelta() if alert.fired_heard_at is None else now - alert.fired_heard_at
    return at < (alert.began_at or alert.fired_at) or at > alert.fired_at + passed + PAIR


def _is_within_last(alert: Alert, at: datetime) -> bool:
    """Whether it repeats what was said in the last episode. Elsewhere in it the lag tells, as it does before it."""
    if alert.began_at is None or alert.resolved_at is None:
        return False
    said = (alert.began_at, alert.fired_at or alert.began_at)
    if at == alert.resolved_at:
        return at in said
    return at <= max(alert.resolved_at, *said) and any(abs(at - moment) <= PAIR for moment in said)


def _is_ahead_of_last(alert: Alert, at: datetime, now: datetime, late: timedelta) -> bool:
    """Whether it was said in an episode of a while ago, before its clock was set back.

    Heard longer ago than that it is no reason for doubt: a clock that is set forth may come to lie in it.
    """
    spans = [span for span in alert.earlier if span.heard_at is not None and now - span.heard_at <= late]
    if alert.resolved_at is None or not any(span.holds(at) for span in spans):
        return False
    passed = timedelta() if alert.heard_at is None else now - alert.heard_at
    return at > alert.resolved_at + passed + PAIR


def _resolutions(alert: Alert, everywhere: Alert | None) -> Iterator[tuple[datetime, datetime | None]]:
    """Resolutions that hold for the alert, each with when it was heard."""
    if alert.resolved_at is not None:
        yield alert.resolved_at, alert.heard_at
    if everywhere is None or everywhere.resolved_at is None:
        return
    heard = everywhere.heard_at
    if alert.heard_at is None or heard is None or heard >= alert.heard_at:
        yield everywhere.resolved_at, heard


def _latest(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else max(known, at)


def _is_in_earlier(alert: Alert, at: datetime) -> bool:
    return any(span.holds(at) for span in alert.earlier)
