"""Computes an incident anew when the inputs changed: a calendar, the time zone database, what a version says.

The history is folded from its beginning under what holds now. Who changes a calendar in place corrects it, so the new
figures hold for the past, too; a change that shall not do so has an instant from which it holds. But what was told
stands: a threshold that was passed stays passed, a breach stays a breach, and the record of a clock that has ended
keeps its verdict. Afterwards all clocks of the case are what one fold by one edition of the inputs makes of them, and
thresholds kept; so whatever comes next finds them where the fold from the beginning has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.sla.domain.case import Case, fold
from services.sla.domain.clock import Moment
from services.sla.domain.history import Entry
from services.sla.domain.inputs import what_changed
from services.sla.domain.keeping import Kept
from services.sla.domain.mark import TARGET, Side
from services.sla.domain.policy import Agreements
from services.sla.domain.recompute import COMPARED, Expected, ceased, recompute
from services.sla.domain.record import Clock
from services.sla.domain.run import (
    NOT_AGREED,
    UNAGREED,
    VOID,
    Activity,
    ClockState,
    Identity,
    Run,
    Span,
    terms_of,
)
from services.sla.domain.standing import to_keep
from services.sla.events import CANCELLED, ENDED, RECOMPUTED
from shared.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """The case by the inputs that hold now, and the records of which something moved, each with what is told of it.

    `missed` are breaches that the new inputs put before something that has been told: they are told before the records
    move. `untold`, told after them, is what became true of clocks that the agreements in force have and those before
    did not, and thresholds that lie between the last turn of a clock and now.
    """

    case: Case
    missed: tuple[Moment, ...]
    moved: Mapping[Identity, tuple[Clock, Event]]
    untold: tuple[Moment, ...]


def reckon(
    case: Case,
    stored: Mapping[Identity, Clock],
    entries: Sequence[Entry],
    agreements: Agreements,
    now: datetime,
) -> Reckoned:
    """Compute all clocks; `stored` are their records, `entries` what `case` has folded."""
    kept, expected = case.kept, recompute(case.incident, entries, agreements, now, kept=case.kept)
    if more := tuple(to_keep(case, stored, expected, agreements, now)):
        kept = (*case.kept, *more)
        expected = recompute(case.incident, entries, agreements, now, kept=kept)
    after, following = list[Run](), dict[Identity, Run | None]()
    for run in case.runs:
        found, before = expected.case.clock(run.identity), stored.get(run.identity)
        after.append(_void(run, now) if found is None else found)
        if before is not None and _is_reckoned(run, found, before, agreements):
            following[run.identity] = found
    added = tuple(_added(case, expected.case))
    latest = case.latest if expected.case.latest is None else expected.case.latest
    behind = {one for one, run in following.items() if run is not None and _is_behind(stored[one], run)}
    missed, untold = _untold({run.identity for run in added}, behind, entries, agreements, kept)
    late = {one.run.identity: one.event.at for one in missed}
    moved = dict[Identity, tuple[Clock, Event]]()
    for identity, follower in following.items():
        before = _breached(stored[identity], late.get(identity))
        if told := _news(before, follower, expected, agreements, now, anyway=identity in late):
            moved[identity] = told
    return Reckoned(
        case=replace(case, runs=(*after, *added), kept=kept, latest=latest),
        missed=missed,
        moved=moved,
        untold=untold,
    )


def _added(case: Case, expected: Case) -> Iterator[Run]:
    """The clocks that the case does not have."""
    there = {run.identity for run in case.runs}
    yield from (run for run in expected.runs if run.identity not in there)


def _breached(record: Clock, at: datetime | None) -> Clock:
    """The record once its breach at `at` is told, if it has one that is not."""
    if at is None or record.breached_at is not None:
        return record
    return replace(record, state=ClockState.BREACHED, breached_at=at)


def _is_behind(record: Clock, run: Run) -> bool:
    """Whether the fold has passed what its record does not tell; a warning has no point any more behind a breach."""
    if record.breached_at is None:
        return any(one.name not in record.told for one in run.passed)
    return any(one.mark.side is Side.AFTER and one.name not in record.told for one in run.passed)


def _untold(
    added: Set[Identity],
    behind: Set[Identity],
    entries: Sequence[Entry],
    agreements: Agreements,
    kept: tuple[Kept, ...],
) -> tuple[tuple[Moment, ...], tuple[Moment, ...]]:
    """Of clocks that are `behind` the breaches before their last turn, and what they passed after it; and all that
    became true of those `added`."""
    if not added and not behind:
        return (), ()
    _, moments = fold(entries[0].incident, entries, agreements, kept)
    turns = {one.run.identity: place for place, one in enumerate(moments) if one.threshold is None}
    missed, untold = list[Moment](), list[Moment]()
    for place, moment in enumerate(moments):
        identity = moment.run.identity
        if identity in added or (identity in behind and place > turns[identity]):
            untold.append(moment)
        elif identity in behind and moment.threshold is not None and moment.threshold.name == TARGET.name:
            missed.append(moment)
    return tuple(missed), tuple(untold)


def _void(run: Run, now: datetime) -> Run:
    """A clock of which the new inputs know nothing: it stands, and the history may bring it anew."""
    last = run.spans[-1]
    if last.reason == VOID:
        return run
    end = Span(start=now, end=None, activity=Activity.CANCELLED, reason=VOID, version=last.version)
    return replace(run, at=now, spans=(*run.spans[:-1], replace(last, end=now), end))


def _is_reckoned(run: Run, found: Run | None, record: Clock, agreements: Agreements) -> bool:
    """Whether the record of a clock follows the new inputs: it has not ended, or by these it has not; or it ended only
    because nothing was agreed, which holds no more; or it is by these very inputs, which held before, too."""
    if run.is_open or found is None:
        return run.is_open
    agreed_again = run.spans[-1].reason in UNAGREED and found.spans[-1].reason != NOT_AGREED
    return found.is_open or agreed_again or record.inputs == terms_of(found, agreements).inputs


def _news(
    before: Clock, run: Run | None, expected: Expected, agreements: Agreements, now: datetime, *, anyway: bool
) -> tuple[Clock, Event] | None:
    """The record and what is told of it, if anything moved; `run` is what the new inputs make of its clock.

    `anyway` is for one whose breach is told before: that leaves its record at the breach.
    """
    is_breached = before.breached_at is not None
    if run is None or (is_breached and run.breached_at is None and run.spans[-1].reason == NOT_AGREED):
        return ceased(before, now), Event(
            type=ENDED if is_breached else CANCELLED, at=now, change={"reason": NOT_AGREED}
        )
    record = _record(before, run, expected, agreements)
    if record is None:
        return None
    is_moved = anyway or any(getattr(before, name) != getattr(record, name) for name in COMPARED)
    return (record, _event(before, record, now)) if is_moved else None


def _record(before: Clock, run: Run, expected: Expected, agreements: Agreements) -> Clock | None:
    """The record as of what has been told; None where the history makes none."""
    points = expected.records.get(run.identity, ())
    if not points:
        return None
    point, over = points[0], set(before.told)
    if before.breached_at is not None:
        marks = [*terms_of(run, agreements).policy.marks(run.kind), *(one.mark for one in run.passed)]
        over |= {one.name for one in marks if one.side is Side.BEFORE}
    for later in points[1:]:
        if (later.breached_at is not None and before.breached_at is None) or not set(later.told) <= over:
            break
        point = later
    return replace(point, place=before.place, told=before.told, asked=before.asked)


def _event(before: Clock, after: Clock, now: datetime) -> Event:
    """What moved, from what to what; instants are None while the clock stands."""
    changed = "" if after.inputs is None else what_changed(before.inputs, after.inputs)
    change: dict[str, Any] = {"fields": [], "why": changed or ANEW}
    for name, field in _MOVED.items():
        change[f"{name}_from"], change[f"{name}_to"] = getattr(before, field), getattr(after, field)
    change["state_from"], change["state_to"] = before.state.value, after.state.value
    return Event(type=RECOMPUTED, at=now, change=change)


ANEW = "computed anew"
"""Why a clock moved whose own inputs are as they were: the desk has other rules, or services of several editions took
its events in turns."""

_MOVED = {
    "priority": "priority",
    "policy": "policy",
    "rule": "rule",
    "target": "target_seconds",
    "due": "due_at",
    "elapsed": "elapsed_seconds",
}
