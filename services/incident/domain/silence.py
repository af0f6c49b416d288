"""Sources that have gone silent: one of a pair of senders dies, and what it said last would hold for ever."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from services.incident.domain.alert_rules import Silence
from services.incident.domain.episodes import Alert


def patience(alert: Alert, rules: Silence, *, beside_cleared: bool) -> timedelta | None:
    """How long the source of an alert that fires may say nothing; None means for ever.

    `beside_cleared` is whether another source of the fingerprint has cleared meanwhile.
    """
    own = rules.expire_after.get(alert.source)
    spans = [span for span in (own, rules.beside_cleared if beside_cleared else None) if span is not None]
    return min(spans, default=None)


def is_silent(alert: Alert, now: datetime, rules: Silence, *, beside_cleared: bool) -> bool:
    """Whether it counts as over because nobody repeats it. What was stored before that was kept is never silent."""
    span = patience(alert, rules, beside_cleared=beside_cleared)
    return span is not None and alert.heard_at is not None and now - alert.heard_at >= span


def next_look(alerts: Iterable[Alert], rules: Silence, *, beside_cleared: bool) -> datetime | None:
    """When the first of these alerts, all of which fire, can be silent for long enough."""
    moments = [
        alert.heard_at + span
        for alert in alerts
        if alert.heard_at is not None and (span := patience(alert, rules, beside_cleared=beside_cleared)) is not None
    ]
    return min(moments, default=None)
