"""One clock while its history is folded: what a Run says, changed in place.

A fold takes many steps and hands out few of them, so a step copies nothing that stays, and keeps what it has reckoned
until something changes it. Nothing of a course outlives its fold: what comes out are Runs, and the same ones however
the history was cut into folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.sla.domain.basis import Basis
from services.sla.domain.calendar import add_business, business_time
from services.sla.domain.kinds import KINDS, Kind
from services.sla.domain.mark import Side
from services.sla.domain.policy import MAIN, Agreements, Terms
from services.sla.domain.run import (
    ENDINGS,
    NOTHING,
    Activity,
    Identity,
    Run,
    Span,
    Threshold,
    counted,
    counts,
    passed_at,
    reached_at,
    terms_of,
)


@dataclass(slots=True, kw_only=True, eq=False)
class Course:
    """The fields of a Run, and the terms that hold for it. Change it by its methods: each forgets what it makes stale.

    `breached_at` is from when the clock was past its target.
    """

    kind: Kind
    terms: Terms
    basis: Basis
    began_at: datetime
    since: datetime
    terms_since: datetime
    at: datetime
    spans: list[Span]
    passed: list[Threshold]
    instance: int | None
    party: str | None
    breached_at: datetime | None
    agreement: str = MAIN
    _over: set[str] = field(default_factory=set)
    _run: Run | None = None
    _gone: timedelta | None = None
    _ahead: Threshold | None = None
    _looked: bool = False

    @property
    def identity(self) -> Identity:
        """Which clock of its incident."""
        return self.agreement, self.kind, self.instance

    @property
    def is_open(self) -> bool:
        """Whether the clock may still count."""
        return self.spans[-1].activity not in ENDINGS

    @property
    def is_counting(self) -> bool:
        """Whether the clock counts open time from here on, breached or not."""
        return counts(self.spans[-1], self.terms.policy)

    @property
    def is_over(self) -> bool:
        """Whether it has ended for good: of a kind that repeats, another clock takes its place."""
        return KINDS[self.kind].repeats and not self.is_open

    @property
    def has_stopped_for_good(self) -> bool:
        """Whether nothing that may follow starts it again."""
        return self.spans[-1].activity is Activity.STOPPED and not KINDS[self.kind].reopens

    def run(self) -> Run:
        """The clock as it stands."""
        if self._run is None:
            self._run = Run(
                kind=self.kind,
                basis=self.basis,
                began_at=self.began_at,
                since=self.since,
                terms_since=self.terms_since,
                at=self.at,
                spans=tuple(self.spans),
                passed=tuple(self.passed),
                instance=self.instance,
                party=self.party,
                agreement=self.agreement,
            )
        return self._run

    def come(self, at: datetime) -> None:
        """The time of an entry."""
        self._run, self.at = None, at

    def turn(self, activity: Activity, reason: str, version: int) -> None:
        """What the incident does from now on."""
        last = self.spans[-1]
        self.spans[-1] = ended = Span(
            start=last.start, end=self.at, activity=last.activity, reason=last.reason, version=last.version
        )
        self.spans.append(Span(start=self.at, end=None, activity=activity, reason=reason, version=version))
        if self._gone is not None and self._is_counted(ended):
            self._gone += business_time(self.terms.calendar, ended.start, self.at)
        self._run, self._looked = None, False

    def take(self, basis: Basis, terms: Terms) -> None:
        """Other fields that lead to the same policy."""
        self._run, self.basis, self.terms = None, basis, terms

    def move(self, basis: Basis, terms: Terms) -> None:
        """Another policy or priority from now on, by which all that was before is measured, too."""
        self.take(basis, terms)
        self.terms_since = self.at
        self._gone, self._looked = None, False

    def restart(self) -> None:
        """Start anew: nothing of before counts, and every threshold lies ahead."""
        self._run, self.since, self.terms_since = None, self.at, self.at
        self.passed.clear()
        self._over.clear()
        self._gone, self._looked = NOTHING, False

    def lay(self, spans: Sequence[Span], since: datetime) -> None:
        """Other spans for the whole of the past; `since` is when it started anew, if that is later than before."""
        self._run, self.spans = None, list(spans)
        self._gone, self._looked = None, False
        if since > self.since and self.breached_at is None:
            self.since = since
            self.passed.clear()
            self._over.clear()

    def has_crossed(self, name: str) -> bool:
        """Whether the threshold of this name is passed."""
        return name in self._over

    def cross(self, threshold: Threshold) -> None:
        """Pass a threshold."""
        self.passed.append(threshold)
        self._over.add(threshold.name)
        if self.breached_at is None and threshold.mark.side is Side.TARGET:
            self.breached_at = threshold.at
        self._run, self._looked = None, False

    def ahead(self) -> Threshold | None:
        """The next threshold of a clock that counts, as `run.next_threshold` has it."""
        if not self._looked:
            self._ahead, self._looked = self._look_ahead(), True
        return self._ahead

    def _look_ahead(self) -> Threshold | None:
        last, terms = self.spans[-1], self.terms
        if not self.is_counting:
            return None
        point = next((point for point in terms.policy.way(self.kind) if point.name not in self._over), None)
        if point is None:
            return None
        rest = point.amount - self._gone_before()
        if rest > NOTHING:
            reached = add_business(terms.calendar, last.start, rest)
        else:
            reached = reached_at(self, terms, point.amount)
        return None if reached is None else passed_at(point.mark, reached, last.start, self.terms_since)

    def _gone_before(self) -> timedelta:
        """The open time of the spans that are over."""
        if self._gone is None:
            spans = (span for span in counted(self, self.terms) if span.end is not None)
            gone = (business_time(self.terms.calendar, span.start, span.end or span.start) for span in spans)
            self._gone = sum(gone, NOTHING)
        return self._gone

    def _is_counted(self, span: Span) -> bool:
        return span.start >= self.since and counts(span, self.terms.policy)


def course_of(run: Run, agreements: Agreements) -> Course:
    """The clock, to go on from where it is."""
    return Course(
        kind=run.kind,
        terms=terms_of(run, agreements),
        basis=run.basis,
        began_at=run.began_at,
        since=run.since,
        terms_since=run.terms_since,
        at=run.at,
        spans=list(run.spans),
        passed=list(run.passed),
        instance=run.instance,
        party=run.party,
        agreement=run.agreement,
        breached_at=run.breached_at,
        _over={one.name for one in run.passed},
        _run=run,
    )
