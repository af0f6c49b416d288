"""A message about an alert, and when it counts as said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.incident.domain.adjusted import TIME, Adjusted, Why, odd_time
from services.incident.domain.alert_rules import Clocks, counted, is_far_off
from services.incident.domain.alerts import Signal
from services.incident.events import ALERT_FIRING
from services.incident.handlers.ports import sender
from shared.cause import Cause
from shared.clock import format_instant
from shared.envelope import Envelope
from shared.ids import joined
from shared.intake import BODY

EVERY_SOURCE = ""
"""The source of an alert whose sender names none; a resolution without a source is kept there and holds for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A signal, the message that brought it, and when it counts as said: as it is dated, or now (`counted`).

    `late` is the longest lag of what was overtaken; None in history, in which the times alone tell.
    """

    envelope: Envelope
    signal: Signal
    at: datetime
    late: timedelta | None = None

    @property
    def key(self) -> str:
        """The alert it is about."""
        return alert_key(self.signal.fingerprint, self.signal.source)

    @property
    def by_arrival(self) -> bool:
        """Whether its sender's clock is not believed, so that the order of arrival tells."""
        return self.at != self.envelope.time or TIME in self.envelope.adjusted

    @property
    def fires(self) -> bool:
        """Whether it says that the alert fires, and not that it is over."""
        return self.envelope.type == ALERT_FIRING

    @property
    def cause(self) -> Cause:
        """Why a record changes by it."""
        return Cause.of(self.envelope, sender(self.envelope))


def told(envelope: Envelope, signal: Signal, now: datetime, clocks: Clocks) -> Told:
    """What a message says, with a note of what was bent in its envelope and where its time is far off."""
    bent = [
        Adjusted(field=name, why=Why.REPAIRED if name == BODY else Why.NOT_TAKEN, said=said)
        for name, said in envelope.adjusted.items()
    ]
    signal = replace(signal, adjusted=(*signal.adjusted, *bent)) if bent else signal
    if TIME in envelope.adjusted:
        return Told(envelope=envelope, signal=signal, at=now, late=None if envelope.backfill else clocks.late)
    if envelope.backfill:
        return Told(envelope=envelope, signal=signal, at=counted(envelope.time, now, clocks, history=True))
    if is_far_off(envelope.time, now, clocks):
        signal = replace(signal, adjusted=(*signal.adjusted, odd_time(format_instant(envelope.time), Why.FAR_OFF)))
    at = counted(envelope.time, now, clocks, history=False)
    return Told(envelope=envelope, signal=signal, at=at, late=clocks.late)


def set_back(told: Told, now: datetime) -> Told:
    """The firing of a clock that was set back: for the record it is said now."""
    odd = odd_time(format_instant(told.envelope.time), Why.SET_BACK)
    return replace(told, at=now, signal=replace(told.signal, adjusted=(*told.signal.adjusted, odd)))


def alert_key(fingerprint: str, source: str | None) -> str:
    """The key of an alert: what is wrong, and who says so."""
    return joined(fingerprint, source or EVERY_SOURCE)
