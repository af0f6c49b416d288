"""Acts on thresholds whose instant has come. The row says when to look; the fold says what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from services.sla.domain.case import Case
from services.sla.domain.keeping import advance_kept
from services.sla.domain.policy import Agreements
from services.sla.domain.record import Clock, awaited
from services.sla.handlers import rows
from services.sla.handlers.telling import Records, Told
from shared.envelope import Lane
from shared.storage import Repository
from shared.store import Document
from shared.unit_of_work import UnitOfWork, Work

BATCH = 200
"""Due rows in one transaction."""
FLOOR = datetime(1970, 1, 1, tzinfo=UTC)
"""Rows that have acted are gone, so nothing but what is due lies between here and now."""
_JUST_BEFORE = timedelta(milliseconds=1)


class Lease(Protocol):
    """What the tick holds (shared.lease): a name, and the token that fences off its former holders."""

    @property
    def name(self) -> str: ...

    @property
    def token(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What a round of the ticker did: rows looked at, and the facts that were told."""

    rows: int
    told: tuple[Told, ...]
    now: datetime


def run_due(
    unit_of_work: UnitOfWork,
    lease: Lease,
    *,
    clocks: Repository[Clock],
    agreements: Agreements,
    observe_lateness: Callable[[float], None],
    observe_breach: Callable[[str, str], None],
) -> int:
    """One round of the ticker; returns how many rows it looked at, and 0 when nothing is due.

    After the commit, `observe_lateness(seconds)` is called for each threshold that acted, and
    `observe_breach(clock, priority)` for each breach.
    """

    def block(work: Work, limit: int) -> Acted:
        return act_on_due(work, lease, clocks=clocks, agreements=agreements, limit=limit)

    acted = unit_of_work.run_fitting(block, BATCH)
    for fact in acted.told:
        observe_lateness((acted.now - fact.at).total_seconds())
        if fact.is_breach:
            observe_breach(fact.clock, fact.priority)
    return acted.rows


def act_on_due(
    work: Work, lease: Lease, *, clocks: Repository[Clock], agreements: Agreements, limit: int = BATCH
) -> Acted:
    """Tell every threshold passed on the clocks whose rows are due, P1 first, and move their rows on.

    Whoever has lost the lease commits nothing. A row that the fold does not bear out is corrected in silence.
    """
    work.fence(lease.name, lease.token)
    due = {row["clock"]: row for row in _find_due(work, limit)}
    stored = clocks.get_many(work, list(due))
    cases = rows.load_cases(work, list({one.state.incident for one in stored.values()}))
    records = Records(work=work, repository=clocks, agreements=agreements, stored=stored, due=due, told=[])
    for key in due:
        clock = stored.get(key)
        case = None if clock is None else cases.get(clock.state.incident)
        if clock is None or case is None:
            work.release(rows.DUE, key)
        else:
            _look_at(clock.state, case, records)
    return Acted(rows=len(due), told=tuple(records.told), now=work.now)


def _find_due(work: Work, limit: int) -> list[Document]:
    """Due rows, those of P1 first, each part in order of its instants.

    A threshold is passed after its instant, not at it, so rows of this very millisecond are left for the next round.
    """
    until = work.now - _JUST_BEFORE
    found = list[Document]()
    for bucket in (Lane.URGENT, Lane.NORMAL):
        if len(found) < limit:
            where = {"bucket": int(bucket)}
            found += work.store.find(rows.DUE, where, sort="at", after=FLOOR, until=until, limit=limit - len(found))
    return work.adopt(rows.DUE, found)


def _look_at(clock: Clock, case: Case, records: Records) -> None:
    run, latest, agreements = case.clock(clock.identity), case.latest, records.agreements
    if run is None or latest is None:
        raise AssertionError("unreachable: a case whose clock is stored has folded an entry")
    settled = rows.is_settled(records.work, case.incident, agreements.edition)
    if awaited(clock, run, latest, agreements, case.kept) is not None:
        run, moments = advance_kept(run, records.work.now, agreements, case.kept)
        for moment in moments:
            records.tell(case, moment, latest, settled=settled)
    rows.unsettle(records.work, case, agreements.edition)
    records.look(case, run)
