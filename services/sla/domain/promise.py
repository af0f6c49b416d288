"""What a requester may expect: by when a reply and a solution, and what holds each of them up.

A promise is made by the clocks that are agreed with the customer, never by those between teams (OLA) or with a vendor
(UC), nor by those of an agreement that is internal. The reply is that of the response clock, or of the message that
waits longest; the solution is that of the resolution clock; of several agreements the strictest holds, which is due
first. What was given, solved or withdrawn is owed no more.

What is owed follows from the fold alone. That it is late follows from the time of asking, too, and moves no promise:
a missed instant stays the one that was promised (ITIL 4 service level management).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from services.sla.domain.case import Case
from services.sla.domain.clock import advance
from services.sla.domain.keeping import held
from services.sla.domain.kinds import Kind
from services.sla.domain.policy import Agreements, Terms
from services.sla.domain.run import NOT_AGREED, Activity, Run, due_at, is_counting, stopped_at, terms_of
from services.sla.domain.zone import wall_clock, zone_names

REPLIES = (Kind.RESPONSE, Kind.NEXT_REPLY)
SOLUTIONS = (Kind.RESOLUTION,)
PROMISING = (*REPLIES, *SOLUTIONS)
"""The clocks that promise something to the requester."""
_FAR = datetime.max.replace(tzinfo=UTC)


class Word(StrEnum):
    """How it stands with what the requester asked for."""

    EXPECTED = "expected"
    UNDATED = "undated"
    STANDING = "standing"
    LATE = "late"
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


class ZoneOf(StrEnum):
    """Whose time zone an answer is told in."""

    ASKED = "asked"
    REQUESTER = "requester"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pledge:
    """Something that is owed. `by` is None while its clock stands, or when the calendar does not open any more.

    `waits_for` is the reason for which the clock stands. A clock that was breached keeps its `by` while it stands.
    `missed` says that `by` had passed when it was told.
    """

    by: datetime | None
    waits_for: str | None = None
    missed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What is owed to the requester; None for what is not owed."""

    reply: Pledge | None = None
    solution: Pledge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a requester is told about one of the two.

    `since` is when it was given, withdrawn, or from when on it stands or is late; `by` the instant that was promised.
    `reason` is what stopped the clock or what is waited for.
    """

    word: Word
    by: datetime | None = None
    since: datetime | None = None
    reason: str | None = None


def owed(case: Case, agreements: Agreements) -> Owed:
    """What the clocks promise; it changes with the incident's history alone, never as time goes by."""
    return Owed(reply=_pledge(case, REPLIES, agreements), solution=_pledge(case, SOLUTIONS, agreements))


def answers(case: Case, agreements: Agreements, now: datetime) -> tuple[Answer, Answer]:
    """The reply and the solution, as of `now`; the case has begun."""
    return _answer(case, REPLIES, agreements, now), _answer(case, SOLUTIONS, agreements, now)


def zone_for(case: Case, agreements: Agreements, asked: str | None = None) -> tuple[str, ZoneOf]:
    """The zone to tell it in: the one asked for, else the requester's, else that of the first agreement's calendar."""
    if asked is not None:
        return asked, ZoneOf.ASKED
    told = None if case.latest is None else case.latest.requester_zone
    if told is not None and told in zone_names():
        return told, ZoneOf.REQUESTER
    solution = case.run(Kind.RESOLUTION)
    if solution is None:
        raise AssertionError("unreachable: a case that has begun has the first agreement's resolution clock")
    return terms_of(solution, agreements).calendar.zone, ZoneOf.CALENDAR


def in_zone(zone: str, at: datetime) -> str:
    """`2026-03-29 03:00 +02:00`, with seconds where there are some: with the offset, for an hour may come twice."""
    local = wall_clock(zone, at)
    text = local.isoformat(sep=" ", timespec="seconds" if local.second else "minutes")
    return f"{text[:-6]} {text[-6:]}"


def pledge(run: Run, agreements: Agreements) -> Pledge:
    """What a clock that has not ended promises."""
    terms = terms_of(run, agreements)
    waits_for = None if is_counting(run, terms) else run.spans[-1].reason
    return Pledge(by=_promised(run, terms), waits_for=waits_for)


def _promised(run: Run, terms: Terms) -> datetime | None:
    """The instant that was promised: what was missed by the inputs of before is not moved by those of today."""
    due, missed = due_at(run, terms), run.breached_at
    return due if due is None or missed is None else min(due, missed)


def _pledge(case: Case, kinds: Sequence[Kind], agreements: Agreements) -> Pledge | None:
    run = _first_open(_runs(case, kinds, agreements), agreements)
    return None if run is None else pledge(run, agreements)


def _answer(case: Case, kinds: Sequence[Kind], agreements: Agreements, now: datetime) -> Answer:
    runs = _runs(case, kinds, agreements)
    run = _first_open(runs, agreements)
    if run is None:
        return _ended(max(runs, key=lambda one: _lasting(one, agreements)), agreements)
    run, _ = advance(run, now, agreements)
    one = pledge(run, agreements)
    if run.breached_at is not None:
        return Answer(word=Word.LATE, by=one.by, since=run.breached_at, reason=one.waits_for)
    if one.waits_for is not None:
        return Answer(word=Word.STANDING, since=run.spans[-1].start, reason=one.waits_for)
    return Answer(word=Word.UNDATED if one.by is None else Word.EXPECTED, by=one.by)


def _ended(run: Run, agreements: Agreements) -> Answer:
    last = run.spans[-1]
    if last.activity is Activity.CANCELLED:
        return Answer(word=Word.WITHDRAWN, since=last.start)
    by = _promised(run, terms_of(run, agreements))
    return Answer(word=Word.GIVEN, by=by, since=stopped_at(run), reason=last.reason)


def _lasting(run: Run, agreements: Agreements) -> tuple[bool, datetime, timedelta]:
    """Of clocks that have ended the last one tells what became of it; of those of one instant the strictest.

    One that ended because nothing was agreed any more tells nothing while there is another.
    """
    by = due_at(run, terms_of(run, agreements)) or _FAR
    return run.spans[-1].reason != NOT_AGREED, run.spans[-1].start, _FAR - by


def _runs(case: Case, kinds: Sequence[Kind], agreements: Agreements) -> list[Run]:
    """The clocks of these kinds whose agreements face the requester.

    They have what they passed by inputs that hold no more: all of that has been told.
    """
    inside = {name for name in {run.agreement for run in case.runs} if agreements.of(name).internal}
    mine = (run for run in case.runs if run.kind in kinds and run.agreement not in inside)
    return [held(run, agreements, case.kept) for run in mine]


def _first_open(runs: Sequence[Run], agreements: Agreements) -> Run | None:
    """The clock that is due first among those that have not ended; of those that stand, the oldest."""
    running = [run for run in runs if run.is_open]
    return min(running, key=lambda run: (pledge(run, agreements).by or _FAR, run.since), default=None)
