"""Computes open records anew that rest on other inputs than those in force: in the background, a window at a time.

The service that starts with an edition of the inputs announces it; the tick then looks for open cases of any other
edition until there is none. Services of an older edition that still run compute none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from services.sla.domain.case import Case
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements
from services.sla.domain.promise import PROMISING
from services.sla.domain.promise_moves import Promise
from services.sla.domain.reckoning import Reckoned, reckon
from services.sla.domain.record import Clock
from services.sla.domain.standing import keep_breaches
from services.sla.events import STARTED
from services.sla.handlers import rows
from services.sla.handlers.due import Lease
from services.sla.handlers.editions import editions, is_in_force
from services.sla.handlers.histories import load_histories
from services.sla.handlers.promising import Promises, load_promises
from services.sla.handlers.telling import Records, Told
from shared.storage import Repository, from_document
from shared.unit_of_work import UnitOfWork, Work

BATCH = 20
"""Cases in one transaction: a window is a fraction of a second, and events are handled in between."""


def run_reckoning(
    unit_of_work: UnitOfWork,
    lease: Lease,
    *,
    clocks: Repository[Clock],
    promises: Repository[Promise],
    agreements: Agreements,
    observe_breach: Callable[[str, str], None],
) -> int:
    """One round; returns how many records it looked at, and 0 when all rest on the inputs in force.

    A record of which something moved is told as `sla.recomputed`, and a promise that moved with it as `sla.expected`
    in the same transaction; of the others only the edition changes. After the commit `observe_breach(clock, priority)`
    is called for each breach that the inputs brought to light.
    """
    told = list[Told]()

    def block(work: Work, limit: int) -> int:
        told.clear()
        return reckon_cases(
            work, lease, clocks=clocks, promises=promises, agreements=agreements, told=told, limit=limit
        )

    found = unit_of_work.run_fitting(block, BATCH)
    for fact in told:
        if fact.is_breach:
            observe_breach(fact.clock, fact.priority)
    return found


def reckon_cases(
    work: Work,
    lease: Lease,
    *,
    clocks: Repository[Clock],
    promises: Repository[Promise],
    agreements: Agreements,
    told: list[Told],
    limit: int = BATCH,
) -> int:
    """Compute up to `limit` cases anew; `told` grows by what they tell. Whoever has lost the lease commits nothing."""
    known = editions(work)
    if not known or known[-1]["_id"] != agreements.edition:
        return 0
    cases = _find_stale(work, [row["_id"] for row in known[:-1]], limit)
    if not cases:
        return 0
    work.fence(lease.name, lease.token)
    keys = [rows.key_of(case.incident, run) for case in cases for run in case.runs]
    stored, due = clocks.get_many(work, keys), work.load(rows.DUE, keys)
    records = Records(work=work, repository=clocks, agreements=agreements, stored=stored, due=due, told=told)
    histories = load_histories(work, cases)
    noted = load_promises(work, promises, agreements, [case.latest for case in cases if case.latest is not None])
    for case in cases:
        _reckon(case, histories[case.incident], records, noted)
    return len(cases)


def find_touched(work: Work, cases: Iterable[Case], edition: str) -> list[Case]:
    """Those of `cases`, which the block has loaded, that rest on other inputs than those of `edition`.

    None for a service whose edition is not the one in force: it leaves records to the others.
    """
    cases = [case for case in cases if case.folded]
    loaded = work.load(rows.CASES, [case.incident for case in cases])
    touched = [case for case in cases if loaded[case.incident].get("edition") != edition]
    return touched if touched and is_in_force(work, edition) else []


def count_outdated(work: Work) -> int:
    """How many open records rest on other inputs than those of the edition in force; 0 before there is one."""
    known = editions(work)
    if not known:
        return 0
    earlier = {"unended": True, "edition": [None, *(row["_id"] for row in known[:-1])]}
    return work.store.count(rows.CASES, earlier) + work.store.count(rows.CASES, {"unended": None})


def _find_stale(work: Work, earlier: list[str], limit: int) -> list[Case]:
    """Open cases of these editions, and cases stored before editions were kept.

    Two questions: the embedded database reads the whole index when its first field may have one of several values
    (with 100,000 cases half a second, against five milliseconds for each of these).
    """
    found = work.store.find(rows.CASES, {"unended": True, "edition": [None, *earlier]}, limit=limit)
    if len(found) < limit:
        found += work.store.find(rows.CASES, {"unended": None}, limit=limit - len(found))
    return [from_document(Case, row) for row in work.adopt(rows.CASES, found)]


def _reckon(case: Case, entries: tuple[Entry, ...] | None, records: Records, promises: Promises) -> None:
    """Without the whole history only the rows move: what of the fold is stored is the best that is known, and what was
    told of it by services of other editions stands."""
    if not entries:
        case = keep_breaches(case, records.of(case))
    elif any(run.is_open for run in case.runs):
        case = compute_anew(case, entries, records, promises)
    for run in case.runs:
        records.look(case, run)
    rows.keep_case(records.work, case, records.agreements.edition, anew=True)


def compute_anew(case: Case, entries: tuple[Entry, ...], records: Records, promises: Promises) -> Case:
    """The case by the inputs in force; `entries` are what it has folded.

    Tells what moved, and promises that moved with it. The due rows and the case are the caller's to keep.
    """
    found, latest = reckon(case, records.of(case), entries, records.agreements, records.work.now), entries[-1]
    for moment in found.missed:
        records.tell(found.case, moment, latest)
    for run in found.case.runs:
        if run.identity in found.moved:
            records.move(found.case, run, *found.moved[run.identity], latest)
    for moment in found.untold:
        records.tell(found.case, moment, latest)
    if because := _because(found):
        promises.renew(found.case, because)
        promises.tell()
    return found.case


def _because(found: Reckoned) -> str:
    """Which inputs moved a clock that promises something; empty when none of these moved."""
    moved = [event.change for (_, kind, _), (_, event) in found.moved.items() if kind in PROMISING]
    whys = [change.get("why") or change.get("reason") for change in moved]
    started = [one for one in found.untold if one.event.type == STARTED]
    whys += [f"agreement {one.run.agreement} began" for one in started if one.run.kind in PROMISING]
    return "; ".join(dict.fromkeys(str(why) for why in whys if why))
