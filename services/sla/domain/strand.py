"""The clocks of one agreement in the middle of a fold. Those of several agreements know nothing of each other.

The first agreement takes every incident. A further one may come to take an incident that has begun, and cease to:

- From the entry on at which a rule takes it, it is measured as if that had always been so: its response and its
  resolution clock count from the beginning of the record, as they do when another policy comes; nothing is passed
  before that entry. A response that was given by then has no clock. Clocks of spells and messages begin with the next.
- At the entry at which no rule takes it any more, its clocks end without a verdict. Those of spells and messages end
  for good; the other two go on, the time between counted, when a rule takes the incident again and it is still open.
- A verdict stands: a clock that was met keeps that until its incident is reopened, and a breach stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.sla.domain.clock import Facts, Moment, Seen, begin, cross, reported, step
from services.sla.domain.course import Course, course_of
from services.sla.domain.history import Entry
from services.sla.domain.keeping import Kept, hold, restore
from services.sla.domain.kinds import KINDS, Kind
from services.sla.domain.policy import Agreements, OnReopen
from services.sla.domain.run import ENDINGS, NOT_AGREED, VOID, Activity, ClockState, Run, Span, motion_in
from services.sla.events import STARTED
from shared.event import Event

AGREED_AGAIN = "agreed-again"
"""Why a clock goes on that had ended because nothing was agreed for its incident any more."""


class Strand:
    """The clocks (`courses`) of one agreement, in the order in which they began; `runs` are those so far.

    Clocks of which the agreements in force know no target stand `aside`: they stay as they are until they are computed
    anew (services.sla.domain.reckoning). So do void ones, in whose place another may begin.
    """

    __slots__ = ("_agreement", "_kept", "_seen", "aside", "courses")

    def __init__(self, agreements: Agreements, name: str, runs: Sequence[Run], kept: Sequence[Kept]) -> None:
        self._agreement, self._kept = agreements.of(name), kept
        self._seen: Seen | None = None
        self.courses, self.aside = list[Course](), list[Run]()
        for run in runs:
            course = course_of(run, agreements)
            if course.terms.policy.way(run.kind) and run.spans[-1].reason != VOID:
                self.courses.append(course)
            else:
                self.aside.append(run)

    def enter(self, before: Entry | None, entry: Entry, facts: Facts) -> Seen:
        """Take in the next entry of the first agreement, which takes every incident."""
        seen = self._see(entry, self.courses[0].began_at if self.courses else entry.at)
        for course in self.courses:
            if not course.is_over:
                self._step(course, seen, facts)
        if starting := _starting(before, entry):
            at = max([entry.at, *(course.at for course in self.courses)])
            self._begin(starting, seen, at, self.courses[0].began_at if self.courses else at, facts)
        return seen

    def follow(self, before: Entry | None, entry: Entry, record: Course, facts: Facts) -> Seen:
        """Take in the next entry of a further agreement. `record` is the first one's resolution clock after it.

        That clock knows what the incident has done ever since it began, whatever was agreed.
        """
        seen = self._see(entry, record.began_at)
        if not seen.terms.hold:
            self._leave(seen, facts)
            return seen
        for course in self.courses:
            if course.has_stopped_for_good or course.is_open or _is_abreast(course, seen, record):
                if not course.is_over:
                    self._step(course, seen, facts)
            elif record.is_open and _may_count(course.kind, seen, record) and self._comes(course.kind, before, record):
                _go_on(course, seen, record, self._kept, facts)
        self._begin(_starting(before, entry), seen, record.at, record.began_at, facts)
        if record.is_open:
            self._join(before, seen, record, facts)
        return seen

    def _see(self, entry: Entry, began_at: datetime) -> Seen:
        """Most entries leave all fields as they are by which a policy is chosen."""
        basis, before = entry.basis, self._seen
        if before is not None and basis == before.basis:
            seen = Seen(entry=entry, basis=before.basis, terms=before.terms, agreement=before.agreement)
        else:
            terms = self._agreement.terms(basis, began_at)
            seen = Seen(entry=entry, basis=basis, terms=terms, agreement=self._agreement.name)
        self._seen = seen
        return seen

    def _step(self, course: Course, seen: Seen, facts: Facts) -> None:
        hold(course, self._kept, max(seen.entry.at, course.at), facts)
        step(course, seen, facts)

    def _begin(self, starting: Sequence[Kind], seen: Seen, at: datetime, began_at: datetime, facts: Facts) -> None:
        """Start the clocks that an entry starts: those for which the policy has a target."""
        taken = {course.kind for course in self.courses if course.is_open and not KINDS[course.kind].parallel}
        for kind in starting:
            if kind in seen.terms.policy.targets and kind not in taken:
                self.courses.append(begin(kind, seen, at=at, began_at=began_at, facts=facts))

    def _leave(self, seen: Seen, facts: Facts) -> None:
        """End what counts: no rule takes the incident."""
        for course in self.courses:
            if not course.is_open:
                continue
            at = max(seen.entry.at, course.at)
            hold(course, self._kept, at, facts)
            cross(course, at, facts)
            course.come(at)
            course.turn(Activity.CANCELLED, NOT_AGREED, seen.entry.version)
            reported(course, ClockState.CANCELLED, {"reason": NOT_AGREED}, facts)

    def _comes(self, kind: Kind, before: Entry | None, record: Course) -> bool:
        """Whether a clock is agreed from this entry on, or waited for the record to be reopened.

        One that was agreed already, by the settings in force now, waits to be computed anew.
        """
        if before is None or kind not in self._agreement.terms(before.basis, record.began_at).policy.targets:
            return True
        return len(record.spans) > 1 and record.spans[-2].activity in ENDINGS and record.spans[-1].start == record.at

    def _join(self, before: Entry | None, seen: Seen, record: Course, facts: Facts) -> None:
        """Begin the clocks of the incident itself that it does not have yet."""
        there = {course.kind for course in self.courses}
        there |= {run.kind for run in self.aside if run.spans[-1].reason != VOID}
        wanted = [kind for kind in seen.terms.policy.targets if not KINDS[kind].repeats and kind not in there]
        for kind in wanted:
            if _may_count(kind, seen, record) and self._comes(kind, before, record):
                self.courses.append(course := _begun(kind, seen, record))
                restore(course, self._kept)
                if facts is not None:
                    facts.append(Moment(run=course.run(), event=Event(type=STARTED, at=course.at)))


def _starting(before: Entry | None, entry: Entry) -> list[Kind]:
    return [kind for kind, clock in KINDS.items() if clock.starts(before, entry)]


def _is_abreast(course: Course, seen: Seen, record: Course) -> bool:
    """Whether a clock that has ended has seen all of its incident: it did not end, or miss a turn, for no agreement."""
    if KINDS[course.kind].repeats:
        return True
    last, turned = course.spans[-1], record.spans[-1].version == seen.entry.version
    place = len(course.spans) - 1
    behind = len(record.spans) - 1 - place
    return last.reason != NOT_AGREED and behind in (0, int(turned)) and last.start == record.spans[place].start


def _may_count(kind: Kind, seen: Seen, record: Course) -> bool:
    """Whether a clock of the incident itself has something to wait for."""
    policy, clock = seen.terms.policy, KINDS[kind]
    if kind not in policy.targets or clock.stops(seen.entry, None, policy.response_stops_at) is not None:
        return False
    return clock.reopens or all(span.activity is not Activity.STOPPED for span in record.spans)


def _go_on(course: Course, seen: Seen, record: Course, kept: Sequence[Kept], facts: Facts) -> None:
    """Go on with a clock that had ended, as if the agreement had held all the time."""
    course.come(max(record.at, course.at))
    course.lay(record.spans, _since(seen, record.spans))
    if course.breached_at is None:
        course.move(seen.basis, seen.terms)
        restore(course, kept)
    else:
        course.move(course.basis, course.terms)
    last = course.spans[-1]
    motion = motion_in(last, course.terms.policy)
    reason = last.reason if motion is ClockState.PAUSED else AGREED_AGAIN
    reported(course, motion, {"reason": reason}, facts)


def _begun(kind: Kind, seen: Seen, record: Course) -> Course:
    return Course(
        kind=kind,
        terms=seen.terms,
        basis=seen.basis,
        began_at=record.began_at,
        since=_since(seen, record.spans),
        terms_since=record.at,
        at=record.at,
        spans=list(record.spans),
        passed=[],
        instance=None,
        party=KINDS[kind].party(seen.entry),
        agreement=seen.agreement,
        breached_at=None,
    )


def _since(seen: Seen, spans: Sequence[Span]) -> datetime:
    """From when on the clock counts by the policy that holds now: the beginning, or the last reopening."""
    if seen.terms.policy.on_reopen is OnReopen.CONTINUE:
        return spans[0].start
    ended = [place for place, span in enumerate(spans) if span.activity in ENDINGS]
    return spans[ended[-1] + 1].start if ended else spans[0].start
