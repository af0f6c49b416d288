"""What alerts say of an incident that they did not say before: gathered over a batch, told once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.incident.domain.adjusted import Adjusted, Why
from services.incident.domain.alerts import OpenAlert, Signal
from services.incident.domain.following import SeverityMove, Source, raised, rank, updated
from services.incident.domain.history import moment
from services.incident.domain.priority import Severity
from services.incident.handlers.ports import Ports
from services.incident.handlers.told import Told
from shared.unit_of_work import Work

_WORDS = ("title", "url", "ci")
MOST_LABEL_BYTES = 8 * 1024
"""Of the labels of one alert together, as they are kept; what it says is written with each change of the alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The newest words about an incident, the message that brought the last of them, and how bad it is now."""

    told: Told
    said: Mapping[str, str]
    rise: SeverityMove | None = None
    fall: SeverityMove | None = None


def details(signal: Signal) -> dict[str, Any]:
    """What an alert says, as it is kept."""
    # Label names are the sender's: as keys of a document they could start with a dollar or hold a dot.
    return {
        "title": signal.title,
        "severity": signal.severity.value,
        "severity_word": signal.severity_word,
        "ci": signal.ci,
        "url": signal.url,
        **kept_labels(
            [{"name": name, "value": value} for name, value in signal.labels],
            [note.as_plain() for note in signal.adjusted],
        ),
    }


def kept_labels(labels: Sequence[Mapping[str, str]], adjusted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The first labels that fit, and the notes of what was bent with one more where some do not."""
    kept, room = [], MOST_LABEL_BYTES
    for label in labels:
        room -= sum(len(text.encode(errors="replace")) for text in label.values())
        if room < 0:
            break
        kept.append(dict(label))
    notes = [dict(note) for note in adjusted]
    if len(kept) < len(labels):
        notes.append(Adjusted(field="labels", why=Why.LEFT_OUT, count=len(labels) - len(kept)).as_plain())
    return {"labels": kept, "adjusted": notes}


def light(kept: Mapping[str, Any]) -> dict[str, Any]:
    """What an alert said, as it is kept now: what was stored before labels had a bound may hold more."""
    return {**kept, **kept_labels(kept.get("labels", ()), kept.get("adjusted", ()))}


def heard(
    before: News | None, told: Told, claim: OpenAlert, last: Mapping[str, Any] | None
) -> tuple[News | None, OpenAlert]:
    """The news with a firing of the claim's incident, and the claim that has heard it.

    `last` is what this alert said last of this incident, None when it is new to it: what says the same again, and
    what was overtaken, is no news.
    """
    signal = told.signal
    worst = claim.severity
    newest = claim.said_at is None or told.at >= claim.said_at or told.by_arrival or _is_set_back(told, claim)
    said = _said(signal) if newest else {} if before is None else before.said
    if newest:
        claim = replace(claim, said_at=told.at)
    known = News(told=told, said={}) if before is None else before
    if worst is None or rank(signal.severity) > rank(worst):
        first = SeverityMove(before=worst, now=signal.severity) if known.rise is None else known.rise
        rise = replace(first, now=signal.severity)
        return News(told=told, said=said, rise=rise), replace(claim, severity=signal.severity)
    if not newest or _repeats(signal, last):
        return before, claim
    return News(told=told, said=said, rise=known.rise, fall=_fall(signal, last) or known.fall), claim


def tell(work: Work, claim: OpenAlert, news: News, *, ports: Ports) -> None:
    """Change the incident by the news: its words first, so that who hears of the rise reads them."""
    stored = ports.incidents.get(work, claim.incident)
    at, cause = moment(stored.state, news.told.at, work.now), news.told.cause
    state, events = updated(stored.state, news.said, at, Source.ALERT, news.fall)
    stored = ports.incidents.save(work, stored, state, events, cause)
    if news.rise is not None:
        state, events = raised(stored.state, news.rise, at, ports.priorities)
        ports.incidents.save(work, stored, state, events, cause)


def _said(signal: Signal) -> dict[str, str]:
    """The words that the record takes over; what a sender does not say it does not take back."""
    words = {name: getattr(signal, name) for name in _WORDS if name != "title" or signal.titled}
    return {name: word for name, word in words.items() if word is not None}


def _repeats(signal: Signal, last: Mapping[str, Any] | None) -> bool:
    if last is None:
        return False
    now = details(signal)
    return all(now[name] == last.get(name, now[name]) for name in (*_WORDS, "severity"))


def _fall(signal: Signal, last: Mapping[str, Any] | None) -> SeverityMove | None:
    if last is None or last["severity"] == signal.severity.value:
        return None
    return SeverityMove(before=Severity(last["severity"]), now=signal.severity)


def _is_set_back(told: Told, claim: OpenAlert) -> bool:
    return told.late is not None and claim.said_at is not None and claim.said_at - told.at > told.late
