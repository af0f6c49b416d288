"""When a requester is told anew what to expect, and why: once for each state of affairs.

Told is what is owed and differs from what the requester heard last. That something was given or solved is no promise:
`sla.met` or `sla.ended`, and the desk's own words, tell it. A breach moves no promise either: the instant that was
missed stays the one that was promised.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.sla.domain.case import Case
from services.sla.domain.history import Entry
from services.sla.domain.kinds import Kind
from services.sla.domain.policy import Agreements
from services.sla.domain.promise import PROMISING, Owed, Pledge, ZoneOf, owed, zone_for
from services.sla.domain.run import Run
from services.sla.events import EXPECTED
from shared.event import Event


class Why(StrEnum):
    """What moved a promise."""

    FIRST = "first-promise"
    REOPENED = "reopened"
    ASKED = "requester-wrote"
    WAITS = "waits"
    RESUMED = "resumed"
    PRIORITY = "priority-changed"
    AGREEMENT = "agreement-changed"
    RECOMPUTED = "recomputed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a requester was told last. `state` and `priority` are the incident's."""

    incident: str
    state: str
    priority: str
    requester: str
    reply: Pledge | None
    solution: Pledge | None
    zone: str
    zone_of: ZoneOf
    service: str | None = None
    organisation: str | None = None


def move(told: Promise | None, before: Case, after: Case, agreements: Agreements) -> tuple[Promise, Event] | None:
    """What the requester is to be told after an entry was folded; None when there is nothing new to tell.

    Nobody is told of a restricted incident, of history that was brought over, or of one that nobody asked for.
    """
    latest = after.latest
    if latest is None or latest.restricted or latest.backfill or latest.requester is None:
        return None
    hidden = before.latest is None or before.latest.restricted or before.latest.backfill
    if told is not None and not hidden and _marks(before) == _marks(after):
        # This is asked at each event, and reckoning what is owed takes longer.
        return None
    was, now = owed(before, agreements), owed(after, agreements)
    if not _news(told, was, now) or (told is not None and not hidden and was == now):
        # What other inputs moved before the case was computed anew is told then, with its own reason.
        return None
    at = max(run.at for run in after.runs)
    why = Why.FIRST if told is None else _why(was, now, _priority(before), _priority(after))
    event = Event(type=EXPECTED, at=at, change=_change(told, was, now, why))
    return _promise(latest, latest.requester, now, after, agreements, at), event


def remake(
    told: Promise, after: Case, agreements: Agreements, now: datetime, because: str
) -> tuple[Promise, Event] | None:
    """What the requester is to be told after the case was computed anew by other inputs; None when nothing moved.

    `because` says which inputs changed. Nothing is told of what was missed before and is missed still.
    """
    latest = after.latest
    if latest is None or latest.restricted or latest.backfill or latest.requester is None:
        return None
    owes = owed(after, agreements)
    pairs = ((owes.reply, told.reply), (owes.solution, told.solution))
    if not any(new is not None and new != old and not _still_missed(old, new, now) for new, old in pairs):
        return None
    change = _change(told, owes, owes, Why.RECOMPUTED, because)
    promise = _promise(latest, latest.requester, owes, after, agreements, now)
    return promise, Event(type=EXPECTED, at=now, change=change)


def _still_missed(old: Pledge | None, new: Pledge, now: datetime) -> bool:
    return old is not None and _is_missed(old, now) and _is_missed(new, now)


def _is_missed(one: Pledge, at: datetime) -> bool:
    return one.by is not None and one.by < at


def _marks(case: Case) -> list[tuple[object, ...]]:
    return [(run.identity, run.since, run.basis, run.spans) for run in case.runs if run.kind in PROMISING]


def _news(told: Promise | None, was: Owed, now: Owed) -> bool:
    pairs = (
        (now.reply, was.reply, None if told is None else told.reply),
        (now.solution, was.solution, None if told is None else told.solution),
    )
    return any(new is not None and (old is None or new != heard) for new, old, heard in pairs)


def _why(was: Owed, now: Owed, priority_from: str | None, priority_to: str | None) -> Why:
    if was.solution is None:
        return Why.REOPENED
    if was.reply is None and now.reply is not None:
        return Why.ASKED
    old, new = was.solution.waits_for, now.solution.waits_for if now.solution is not None else None
    if new is not None and new != old:
        return Why.WAITS
    if old is not None and new is None:
        return Why.RESUMED
    return Why.AGREEMENT if priority_from == priority_to else Why.PRIORITY


def _change(
    told: Promise | None, was: Owed, now: Owed, why: Why, because: str | None = None
) -> dict[str, datetime | str | None]:
    """`from` is what the requester heard last, and null for what has been given since."""
    return {
        "why": why.value,
        "because": because,
        "reply_by_from": _by(None if told is None or was.reply is None else told.reply),
        "reply_by_to": _by(now.reply),
        "solution_by_from": _by(None if told is None or was.solution is None else told.solution),
        "solution_by_to": _by(now.solution),
    }


def _promise(latest: Entry, requester: str, now: Owed, after: Case, agreements: Agreements, at: datetime) -> Promise:
    zone, zone_of = zone_for(after, agreements)
    return Promise(
        incident=latest.incident,
        state=latest.state,
        priority=latest.priority,
        requester=requester,
        reply=_as_told(now.reply, at),
        solution=_as_told(now.solution, at),
        zone=zone,
        zone_of=zone_of,
        service=latest.service,
        organisation=latest.organisation,
    )


def _as_told(one: Pledge | None, at: datetime) -> Pledge | None:
    """A pledge says whether it has been missed when it is told, and is no other one for that."""
    return None if one is None else replace(one, missed=_is_missed(one, at))


def _by(one: Pledge | None) -> datetime | None:
    return None if one is None else one.by


def _priority(case: Case) -> str | None:
    run: Run | None = case.run(Kind.RESOLUTION)
    return None if run is None else run.priority
