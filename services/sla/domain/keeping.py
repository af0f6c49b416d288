"""Thresholds that were passed under inputs that hold no more: passed stays passed, whatever the new inputs say.

They are facts of the clock's life as its events are, and they count in their place in time: one holds when the
clock counted at its instant by all that is known, or its incident does there what it did when the threshold was told,
whether or not that counts by the inputs in force. So an event that comes late can still put it right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.sla.domain.clock import Facts, Moment, cross, passing
from services.sla.domain.course import Course, course_of
from services.sla.domain.kinds import Kind
from services.sla.domain.policy import MAIN, Agreements
from services.sla.domain.run import Identity, Run, Span, Threshold, counted

_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A threshold of one clock, and the instant at which it was passed. `version` began the span in which that was;
    None in one stored before that was kept."""

    kind: Kind
    instance: int | None
    threshold: Threshold
    agreement: str = MAIN
    version: int | None = None

    @property
    def identity(self) -> Identity:
        """Which clock of its incident."""
        return self.agreement, self.kind, self.instance


def keep(run: Run, threshold: Threshold) -> Kept:
    """Keep a threshold that the clock passed."""
    span = next((span for span in reversed(run.spans) if span.start <= threshold.at), None)
    version = None if span is None else span.version
    return Kept(kind=run.kind, instance=run.instance, threshold=threshold, agreement=run.agreement, version=version)


def hold(course: Course, kept: Iterable[Kept], before: datetime, facts: Facts) -> None:
    """Pass what the clock passed before `before` under earlier inputs, given that nothing else happened; each at its
    place among the thresholds that it passes by those in force."""
    for one in sorted((one for one in kept if _holds(one, course, before)), key=lambda one: one.threshold.at):
        cross(course, one.threshold.at, facts)
        if not course.has_crossed(one.threshold.name):
            passing(course, one.threshold, facts)


def restore(course: Course, kept: Iterable[Kept]) -> None:
    """Pass what the clock passed under earlier inputs, of a clock whose past was laid before it as one. Told it was
    then."""
    for one in sorted((one for one in kept if one.identity == course.identity), key=lambda one: one.threshold.at):
        counting = counted(course, course.terms)
        spans = [span for span in course.spans if span in counting or span.version == one.version]
        there = any(_covers(span, one.threshold.at, course.at) for span in spans)
        if there and not course.has_crossed(one.threshold.name):
            course.cross(one.threshold)


def _covers(span: Span, at: datetime, now: datetime) -> bool:
    return span.start <= at < (now if span.end is None else span.end)


def advance_kept(
    run: Run, before: datetime, agreements: Agreements, kept: Sequence[Kept]
) -> tuple[Run, tuple[Moment, ...]]:
    """`services.sla.domain.clock.advance` of a clock that keeps what it passed."""
    course, facts = course_of(run, agreements), list[Moment]()
    hold(course, kept, before, facts)
    cross(course, before, facts)
    return course.run(), tuple(facts)


def held(run: Run, agreements: Agreements, kept: Sequence[Kept]) -> Run:
    """The clock with all that it passed under earlier inputs, and nothing that it may have passed since."""
    if not kept:
        return run
    course = course_of(run, agreements)
    hold(course, kept, _EVER, None)
    return course.run()


def kept_ahead(run: Run, agreements: Agreements, kept: Sequence[Kept]) -> Sequence[Threshold]:
    """What is kept of the clock, holds where it is now, and is not passed."""
    mine = [one for one in kept if one.identity == run.identity]
    course = course_of(run, agreements) if mine else None
    return [one.threshold for one in mine if course is not None and _holds(one, course, _EVER)]


def _holds(one: Kept, course: Course, before: datetime) -> bool:
    if one.identity != course.identity or one.threshold.at >= before:
        return False
    last = course.spans[-1]
    if course.has_crossed(one.threshold.name) or one.threshold.at < last.start:
        return False
    return course.is_counting or (course.is_open and last.version == one.version)
