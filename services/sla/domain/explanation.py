"""Explains a clock: every span, the event that began it, what of it counted, what did not, and why.

Made by the fold alone, from the history, so it can be made as of any instant and holds whatever was stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.sla.domain.calendar_reasons import Stretch
from services.sla.domain.calendar_reasons import explain as reasons
from services.sla.domain.case import Case, fold
from services.sla.domain.clock import Moment
from services.sla.domain.history import Entry, known_at
from services.sla.domain.keeping import Kept, advance_kept
from services.sla.domain.mark import Side
from services.sla.domain.policy import Agreements, Terms
from services.sla.domain.run import (
    NOTHING,
    Activity,
    ClockState,
    Run,
    Span,
    Threshold,
    counts,
    due_at,
    elapsed,
    next_threshold,
    state_of,
    stopped_at,
    terms_of,
)
from shared.event import Event

PAUSED_BY_POLICY = "paused by policy"
STOPPED = "stopped"
BEFORE_ITS_START = "before the clock started anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A span as the policy and the calendar see it. `stretches` cover it; only those that are open count.

    `cause` is the entry that began it.
    """

    span: Span
    end: datetime
    cause: Entry
    counts: bool
    counted: timedelta
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One clock as of an instant. `ahead` are the thresholds that a running clock will pass if nothing happens."""

    run: Run
    terms: Terms
    state: ClockState
    elapsed: timedelta
    due_at: datetime | None
    stopped_at: datetime | None
    parts: tuple[Part, ...]
    ahead: tuple[Threshold, ...]
    facts: tuple[Event, ...]

    @property
    def why(self) -> str:
        """Why these terms and no others."""
        return self.terms.match.why

    @property
    def target(self) -> timedelta:
        """How much open time was agreed."""
        return self.terms.policy.target(self.run.kind)


def explain(
    incident: str, entries: Sequence[Entry], agreements: Agreements, at: datetime, *, kept: tuple[Kept, ...] = ()
) -> tuple[Case, tuple[Explanation, ...]]:
    """The incident as it was at an instant, and its clocks then; no clocks when it had not begun.

    `entries` are its history in order of version, from the first and without a gap; `kept` were passed under earlier
    inputs.
    """
    known = known_at(entries, at)
    case, moments = fold(incident, known, agreements, kept)
    causes = {entry.version: entry for entry in known}
    return case, tuple(_explain(run, case, moments, causes, agreements, at) for run in case.runs)


def _explain(
    run: Run,
    case: Case,
    moments: Sequence[Moment],
    causes: Mapping[int, Entry],
    agreements: Agreements,
    at: datetime,
) -> Explanation:
    own = [one.event for one in moments if one.run.identity == run.identity]
    run, passed = advance_kept(run, at, agreements, case.kept)
    terms = terms_of(run, agreements)
    stopped = stopped_at(run)
    return Explanation(
        run=run,
        terms=terms,
        state=state_of(run, terms),
        elapsed=elapsed(run, at if stopped is None else stopped, terms),
        due_at=due_at(run, terms),
        stopped_at=stopped,
        parts=tuple(_part(run, span, causes[span.version], terms, at) for span in run.spans),
        ahead=_ahead(run, agreements),
        facts=(*own, *(moment.event for moment in passed)),
    )


def _part(run: Run, span: Span, cause: Entry, terms: Terms, at: datetime) -> Part:
    end = at if span.end is None else min(span.end, at)
    counting = counts(span, terms.policy) and span.start >= run.since
    if counting:
        cut = reasons(terms.calendar, span.start, end)
    else:
        cut = (Stretch(start=span.start, end=end, open=False, why=_why(run, span)),) if span.start < end else ()
    counted = sum((one.end - one.start for one in cut if one.open), NOTHING)
    return Part(span=span, end=end, cause=cause, counts=counting, counted=counted, stretches=cut)


def _why(run: Run, span: Span) -> str:
    """Why a span does not count at all."""
    if span.activity is Activity.WAITING:
        return PAUSED_BY_POLICY
    return BEFORE_ITS_START if span.activity is Activity.RUNNING and span.start < run.since else STOPPED


def _ahead(run: Run, agreements: Agreements) -> tuple[Threshold, ...]:
    found, told = list[Threshold](), frozenset[str]()
    while (threshold := next_threshold(run, agreements, told=told)) is not None:
        found.append(threshold)
        if threshold.mark.side is Side.TARGET:
            break
        told |= {threshold.name}
    return tuple(found)
