"""What alerts say of an incident that they did not say before: gathered over a batch, told once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.incident.domain.adjusted import Adjusted, Why
from services.incident.domain.alerts import OpenAlert, Signal
from services.incident.domain.following import SeverityMove, Source, is_held, raised, rank, updated
from services.incident.domain.history import moment
from services.incident.domain.priority import Severity
from services.incident.handlers.ports import Ports
from services.incident.handlers.told import Told
from shared.unit_of_work import Work

_WORDS = ("title", "url", "ci", "service", "organisation")
MOST_LABEL_BYTES = 8 * 1024
"""Of the labels of one alert together, as they are kept; what it says is written with each change of the alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The newest words about an incident, the message that brought the last of them, and how bad it is now.

    `again` is a rise to what it was before; `first` is whether it is the first that is said live.
    """

    told: Told
    said: Mapping[str, Any]
    rise: SeverityMove | None = None
    again: SeverityMove | None = None
    fall: SeverityMove | None = None
    first: bool = False


def details(signal: Signal) -> dict[str, Any]:
    """What an alert says, as it is kept."""
    # Label names are the sender's: as keys of a document they could start with a dollar or hold a dot.
    return {
        "title": signal.title,
        "severity": signal.severity.value,
        "severity_word": signal.severity_word,
        "ci": signal.ci,
        "url": signal.url,
        "service": signal.service,
        "organisation": signal.organisation,
        "outage": signal.outage,
        "described": signal.description is not None,
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
    newest = claim.said_at is None or told.at >= claim.said_at or told.by_arrival or _is_set_back(told, claim)
    said = _said(signal, last) if newest else {} if before is None else before.said
    if newest:
        claim = replace(claim, said_at=told.at)
    known = News(told=told, said={}) if before is None else before
    if claim.history and not told.envelope.backfill:
        rise = SeverityMove(before=None, now=signal.severity)
        return replace(known, told=told, said=said, rise=rise, first=True), _risen(claim, signal.severity)
    if claim.severity is None or rank(signal.severity) > rank(claim.severity):
        first = SeverityMove(before=claim.severity, now=signal.severity) if known.rise is None else known.rise
        rise = replace(first, now=signal.severity)
        return replace(known, told=told, said=said, rise=rise, fall=None), _risen(claim, signal.severity)
    if not newest:
        return before, claim
    again = known.again
    if claim.worst is not None and rank(signal.severity) > rank(claim.worst):
        again, claim = SeverityMove(before=claim.worst, now=signal.severity), replace(claim, worst=signal.severity)
    elif _repeats(signal, last):
        return before, claim
    return replace(known, told=told, said=said, again=again, fall=_fall(signal, last) or known.fall), claim


def tell(work: Work, claim: OpenAlert, news: News, *, ports: Ports) -> None:
    """Change the incident by the news: its words first, so that who hears of the rise reads them."""
    stored = ports.incidents.get(work, claim.incident)
    at, cause = moment(stored.state, news.told.at, work.now), news.told.cause
    # What rises to where it was before is heard of already, unless a person has thought it over since.
    again = news.again if is_held(stored.state) else None
    state, events = updated(stored.state, news.said, at, Source.ALERT, None if again else news.fall)
    stored = ports.incidents.save(work, stored, state, events, cause)
    rise = news.rise or again
    if rise is not None:
        state, events = raised(stored.state, rise, at, ports.priorities, first=news.first)
        ports.incidents.save(work, stored, state, events, cause)


def _risen(claim: OpenAlert, severity: Severity) -> OpenAlert:
    highest = severity if claim.severity is None else max(severity, claim.severity, key=rank)
    return replace(claim, severity=highest, worst=severity, history=False)


def _said(signal: Signal, last: Mapping[str, Any] | None) -> dict[str, Any]:
    """The words that the record takes over; what a sender does not say it does not take back.

    That a service is down counts when the alert says so for the first time: a person may have found that it is not.
    """
    words: dict[str, Any] = {name: getattr(signal, name) for name in _WORDS if name != "title" or signal.titled}
    words |= {"description": signal.description}
    words |= {"outage": True} if signal.outage and not (last or {}).get("outage") else {}
    return {name: word for name, word in words.items() if word is not None}


def _repeats(signal: Signal, last: Mapping[str, Any] | None) -> bool:
    """Whether it says what it said before. Monitors put what they measure into descriptions: another one alone is no
    news, so that an incident does not grow with each repetition."""
    if last is None:
        return False
    now = details(signal)
    return all(now[name] == last.get(name, now[name]) for name in (*_WORDS, "severity", "outage", "described"))


def _fall(signal: Signal, last: Mapping[str, Any] | None) -> SeverityMove | None:
    if last is None or last["severity"] == signal.severity.value:
        return None
    return SeverityMove(before=Severity(last["severity"]), now=signal.severity)


def _is_set_back(told: Told, claim: OpenAlert) -> bool:
    return told.late is not None and claim.said_at is not None and claim.said_at - told.at > told.late
