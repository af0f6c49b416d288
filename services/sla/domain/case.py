"""One incident as sla sees it: which versions of it came, how far they are folded, and its clocks.

Versions may come in any order. Only the prefix without a gap is folded, so the clocks are the same whatever the
order was; what came too early waits, visibly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from services.sla.domain.basis import Basis
from services.sla.domain.clock import Facts, Moment, Seen, cross
from services.sla.domain.course import Course
from services.sla.domain.history import Entry
from services.sla.domain.keeping import Kept
from services.sla.domain.kinds import Kind
from services.sla.domain.policy import MAIN, Agreements
from services.sla.domain.run import Identity, Run
from services.sla.domain.strand import Strand


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`folded` is the last version in the clocks, `pending` are versions that came and are not folded yet.

    `gap` says that a version is missing below a pending one. `latest` is the last entry folded. `kept` are thresholds
    passed under inputs that hold no more.
    """

    incident: str
    folded: int = 0
    pending: tuple[int, ...] = ()
    gap: bool = False
    latest: Entry | None = None
    runs: tuple[Run, ...] = ()
    kept: tuple[Kept, ...] = ()

    def run(self, kind: Kind, instance: int | None = None) -> Run | None:
        """The first agreement's clock of this kind; of one that repeats the one of `instance`, or else the last."""
        mine = [run for run in self.runs if run.kind is kind and instance in (None, run.instance)]
        return next((run for run in reversed(mine) if run.agreement == MAIN), None)

    def clock(self, identity: Identity) -> Run | None:
        """The very clock, of whichever agreement."""
        return next((run for run in self.runs if run.identity == identity), None)


def awaits(case: Case, version: int) -> bool:
    """Whether this version has not come yet."""
    return version > case.folded and version not in case.pending


def receive(case: Case, version: int) -> Case:
    """The case with one more version to fold."""
    pending = tuple(sorted((*case.pending, version)))
    return replace(case, pending=pending, gap=pending[0] != case.folded + 1)


def ready(case: Case) -> tuple[int, ...]:
    """The pending versions that can be folded now, in order."""
    contiguous = enumerate(case.pending, start=case.folded + 1)
    return tuple(version for expected, version in contiguous if version == expected)


def missing(case: Case) -> int | None:
    """The version that a case with a gap waits for."""
    return case.folded + 1 if case.gap else None


def fold_entry(case: Case, entry: Entry, agreements: Agreements) -> tuple[Case, tuple[Moment, ...]]:
    """The case with the entry of version `folded + 1` in its clocks, and what became true, in order of time."""
    folding = Folding(agreements, case)
    moments = folding.take(entry)
    return folding.case(case), tuple(moments)


def fold(
    incident: str, entries: Sequence[Entry], agreements: Agreements, kept: tuple[Kept, ...] = ()
) -> tuple[Case, tuple[Moment, ...]]:
    """The whole history at once: `entries` in order of version, from the first, without a gap."""
    case = Case(incident=incident, kept=kept)
    folding, moments = Folding(agreements, case), list[Moment]()
    for entry in entries:
        moments += folding.take(entry)
    return folding.case(case), tuple(moments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a history comes to: its clocks, and all that matching read of it on the way."""

    runs: tuple[Run, ...]
    bases: tuple[Basis, ...]


def outcome(entries: Sequence[Entry], agreements: Agreements, before: datetime) -> Outcome:
    """`fold` without its facts, with the thresholds passed whose instants lie before `before`."""
    folding, bases = Folding(agreements, Case(incident="")), list[Basis]()
    for entry in entries:
        seen = folding.enter(entry, None)
        if not bases or bases[-1] is not seen.basis:
            bases.append(seen.basis)
    for course in folding.courses:
        cross(course, before, None)
    return Outcome(runs=tuple(course.run() for course in folding.courses), bases=tuple(bases))


class Folding:
    """A record in the middle of its fold: `latest` is the entry in force, `courses` are its clocks."""

    __slots__ = ("_first", "_further", "_unknown", "latest")

    def __init__(self, agreements: Agreements, case: Case) -> None:
        self.latest = case.latest
        own = [run for run in case.runs if run.agreement == MAIN]
        self._first = Strand(agreements, MAIN, own, case.kept)
        self._further = [_strand(agreements, one.name, case) for one in agreements.further]
        # Clocks of an agreement that is in the settings no more: they stand still until they are computed anew.
        self._unknown = () if len(own) == len(case.runs) else _unknown(case, agreements)

    @property
    def courses(self) -> Iterator[Course]:
        """The clocks of all agreements."""
        if not self._further:
            return iter(self._first.courses)
        return chain(self._first.courses, *(strand.courses for strand in self._further))

    @property
    def _aside(self) -> Iterator[Run]:
        return chain(self._first.aside, *(strand.aside for strand in self._further), self._unknown)

    def take(self, entry: Entry) -> list[Moment]:
        """Take in the next entry; what became true, in order of time."""
        facts = list[Moment]()
        self.enter(entry, facts)
        facts.sort(key=lambda moment: moment.event.at)
        return facts

    def enter(self, entry: Entry, facts: Facts) -> Seen:
        """Take in the next entry; what became true goes to `facts`, clock by clock. Returns what the first one saw."""
        before, entry = self.latest, _remembering(self.latest, entry)
        seen = self._first.enter(before, entry, facts)
        if self._further:
            record = next(course for course in self._first.courses if course.kind is Kind.RESOLUTION)
            for strand in self._further:
                strand.follow(before, entry, record, facts)
        self.latest = entry
        return seen

    def case(self, begun: Case) -> Case:
        """The record so far, which was `begun` before its first entry here."""
        folded = begun.folded if self.latest is None else self.latest.version
        pending = tuple(version for version in begun.pending if version > folded)
        runs = tuple(course.run() for course in self.courses)
        there = {run.identity for run in runs} if self._further else set[Identity]()
        return replace(
            begun,
            folded=folded,
            pending=pending,
            gap=bool(pending) and pending[0] != folded + 1,
            latest=self.latest,
            runs=(*runs, *(run for run in self._aside if run.identity not in there)),
        )


def _strand(agreements: Agreements, name: str, case: Case) -> Strand:
    return Strand(agreements, name, [run for run in case.runs if run.agreement == name], case.kept)


def _unknown(case: Case, agreements: Agreements) -> tuple[Run, ...]:
    known = {one.name for one in agreements.every}
    return tuple(run for run in case.runs if run.agreement not in known)


def _remembering(before: Entry | None, entry: Entry) -> Entry:
    """The entry with what stays true once it was, and with what is known still: a restricted version repeats neither.

    A restricted version tells number, version, state and priority. The agreement goes by what was known last.
    """
    if before is None:
        return entry
    accepted, replied = entry.accepted or before.accepted, entry.replied or before.replied
    if (accepted, replied) != (entry.accepted, entry.replied):
        entry = replace(entry, accepted=accepted, replied=replied)
    if not entry.restricted:
        return entry
    return replace(
        entry,
        organisation=before.organisation,
        contract=before.contract,
        service=before.service,
        kind=before.kind,
        category=before.category,
        level=before.level,
        team=before.team,
        outage=before.outage,
        requester=before.requester,
        requester_zone=before.requester_zone,
    )
