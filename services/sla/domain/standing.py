"""What was told of clocks and stands, whatever other inputs make of them: the thresholds to keep."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from services.sla.domain.case import Case
from services.sla.domain.keeping import Kept, advance_kept, keep
from services.sla.domain.mark import TARGET, Side
from services.sla.domain.policy import Agreements
from services.sla.domain.recompute import Expected
from services.sla.domain.record import Clock
from services.sla.domain.run import Identity, Run, Threshold, terms_of


def to_keep(
    case: Case, stored: Mapping[Identity, Clock], expected: Expected, agreements: Agreements, now: datetime
) -> Iterator[Kept]:
    """What was passed and is not borne out by the new inputs, or later only; of ended clocks too, which may go on."""
    there = {(one.identity, one.threshold) for one in case.kept}
    for run in case.runs:
        passed, after = dict[str, datetime](), expected.case.clock(run.identity)
        if after is not None:
            after, _ = advance_kept(after, now, agreements, case.kept)
            passed = {one.name: one.at for one in after.passed}
        known = {one.threshold.name for one in case.kept if one.identity == run.identity}
        for one in _told(run, stored.get(run.identity), known, agreements, now):
            # Of a clock that has ended nothing more is told, so its run may come to say otherwise than what was.
            at = passed.get(one.name)
            borne_out = at is not None and (at <= one.at if run.is_open else at == one.at)
            if not borne_out and (run.identity, one) not in there:
                yield keep(run, one)


def _told(
    run: Run, record: Clock | None, known: Collection[str], agreements: Agreements, now: datetime
) -> Iterator[Threshold]:
    """What the clock passed: by the fold, and what the ticker told since. Of one that has ended, what its record says
    and is not `known`, kept that is: other inputs may have made its run since then, of which nothing was told.

    The record keeps an instant of the breach alone: a warning was passed by then, or else by now.
    """
    if record is None:
        yield from run.passed
        return
    if run.is_open:
        told = (one for one in run.passed if one.name != TARGET.name or record.breached_at in (None, one.at))
    else:
        told = (one for one in run.passed if one.name in record.told and one.name not in known)
    passed = tuple(told)
    yield from passed
    names = {one.name for one in passed}
    terms = terms_of(run, agreements)
    for mark in terms.policy.marks(run.kind) if run.is_open and run.kind in terms.policy.targets else ():
        if mark.name in record.told and mark.name not in names and mark.name not in known:
            early = mark.side is Side.BEFORE
            yield Threshold(mark=mark, at=(record.breached_at if early else None) or now)
    if record.breached_at is not None and TARGET.name not in names:
        yield Threshold(mark=TARGET, at=record.breached_at)


def keep_breaches(case: Case, stored: Mapping[Identity, Clock]) -> Case:
    """The case with the breaches that were told of its clocks and that its fold does not know: a service with other
    inputs told them, and they stand."""
    known = {one.identity for one in case.kept if one.threshold.name == TARGET.name}
    told = ((run, stored[run.identity].breached_at) for run in case.runs if run.identity in stored)
    more = (
        keep(run, Threshold(mark=TARGET, at=at))
        for run, at in told
        if at is not None and run.breached_at is None and run.identity not in known
    )
    return replace(case, kept=(*case.kept, *more))
