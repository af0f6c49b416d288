"""One incident as sla sees it: which versions of it came, how far they are folded, and its clocks.

Versions may come in any order. Only the prefix without a gap is folded, so the clocks are the same whatever the
order was; what came too early waits, visibly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.sla.domain.clock import Moment, begin, step
from services.sla.domain.history import Entry
from services.sla.domain.keeping import Kept, hold
from services.sla.domain.kinds import KINDS, Kind
from services.sla.domain.policy import Agreements
from services.sla.domain.run import Run


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
        """The clock of this kind; of one that repeats the one that `instance` started, or else the last."""
        mine = [run for run in self.runs if run.kind is kind and instance in (None, run.instance)]
        return mine[-1] if mine else None


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
    entry = _remembering(case.latest, entry)
    stepped = [_step(run, entry, agreements, case.kept) for run in case.runs]
    begun = _begin(case.latest, [run for run, _ in stepped], entry, agreements)
    moments = [moment for _, new in (*stepped, *begun) for moment in new]
    pending = tuple(version for version in case.pending if version != entry.version)
    folded = replace(
        case,
        folded=entry.version,
        pending=pending,
        gap=bool(pending) and pending[0] != entry.version + 1,
        latest=entry,
        runs=tuple(run for run, _ in (*stepped, *begun)),
    )
    return folded, tuple(sorted(moments, key=lambda moment: moment.event.at))


def fold(
    incident: str, entries: Sequence[Entry], agreements: Agreements, kept: tuple[Kept, ...] = ()
) -> tuple[Case, tuple[Moment, ...]]:
    """The whole history at once: `entries` in order of version, from the first, without a gap."""
    case, moments = Case(incident=incident, kept=kept), list[Moment]()
    for entry in entries:
        case, new = fold_entry(case, entry, agreements)
        moments.extend(new)
    return case, tuple(moments)


def remembered(entries: Sequence[Entry]) -> list[Entry]:
    """The entries of a history as the fold reads them."""
    found = list[Entry]()
    for entry in entries:
        found.append(_remembering(found[-1] if found else None, entry))
    return found


Folded = tuple[Run, tuple[Moment, ...]]


def _step(run: Run, entry: Entry, agreements: Agreements, kept: tuple[Kept, ...]) -> Folded:
    """One more entry for a clock, unless it is of a kind whose end is for good and has ended."""
    if KINDS[run.kind].repeats and not run.is_open:
        return run, ()
    if not kept:
        return step(run, entry, agreements)
    run, held = hold(run, kept, max(entry.at, run.at), agreements)
    run, moments = step(run, entry, agreements)
    return run, (*held, *moments)


def _begin(before: Entry | None, runs: Sequence[Run], entry: Entry, agreements: Agreements) -> list[Folded]:
    """The clocks that this entry starts: those for which the policy has a target."""
    starting = [kind for kind in Kind if KINDS[kind].starts(before, entry)]
    if not starting:
        return []
    entry = replace(entry, at=max([entry.at, *(run.at for run in runs)]))
    began_at = runs[0].began_at if runs else entry.at
    targets = agreements.terms(entry.basis, began_at).policy.targets
    taken = {run.kind for run in runs if run.is_open and not KINDS[run.kind].parallel}
    return [
        begin(kind, entry, agreements, began_at=began_at) for kind in starting if kind in targets and kind not in taken
    ]


def _remembering(before: Entry | None, entry: Entry) -> Entry:
    """The entry with what stays true once it was, and with what is known still: a restricted version repeats neither.

    A restricted version tells number, version, state and priority. The agreement goes by what was known last.
    """
    if before is None:
        return entry
    entry = replace(entry, accepted=entry.accepted or before.accepted, replied=entry.replied or before.replied)
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
