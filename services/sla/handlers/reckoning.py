"""Computes open records anew that rest on other inputs than those in force: in the background, a window at a time.

The service that starts with an edition of the inputs announces it; the tick then looks for open cases of any other
edition until there is none. Services of an older edition that still run compute none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from services.sla.domain.case import Case
from services.sla.domain.clock import Moment
from services.sla.domain.history import Entry
from services.sla.domain.keeping import advance_kept
from services.sla.domain.policy import Agreements
from services.sla.domain.promise import PROMISING
from services.sla.domain.promise_moves import Promise
from services.sla.domain.reckoning import Reckoned, reckon
from services.sla.domain.record import Clock, awaited
from services.sla.domain.run import Identity
from services.sla.domain.standing import keep_breaches
from services.sla.events import STARTED
from services.sla.handlers import rows
from services.sla.handlers.due import Lease
from services.sla.handlers.editions import editions, is_in_force
from services.sla.handlers.histories import load_histories
from services.sla.handlers.promising import Promises, load_promises
from services.sla.handlers.telling import Told, cause_of, in_plain_values, tell
from shared.storage import Repository, Stored, from_document
from shared.store import Document
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

    def block(work: Work) -> int:
        told.clear()
        return reckon_cases(work, lease, clocks=clocks, promises=promises, agreements=agreements, told=told)

    found = unit_of_work.run(block)
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
    histories = load_histories(work, cases)
    noted = load_promises(work, promises, agreements, [case.latest for case in cases if case.latest is not None])
    for case in cases:
        _reckon(work, case, histories[case.incident], stored, due, clocks, noted, told)
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


def _reckon(
    work: Work,
    case: Case,
    entries: tuple[Entry, ...] | None,
    stored: dict[str, Stored[Clock]],
    due: dict[str, Document],
    clocks: Repository[Clock],
    promises: Promises,
    told: list[Told],
) -> None:
    """Without the whole history only the rows move: what of the fold is stored is the best that is known, and what was
    told of it by services of other editions stands."""
    agreements = promises.agreements
    if not entries:
        case = keep_breaches(case, records_of(case, stored))
    elif any(run.is_open for run in case.runs):
        case = compute_anew(work, case, entries, stored, clocks, promises, told)
    for run in case.runs:
        clock = stored.get(key := rows.key_of(case.incident, run))
        if clock is not None and case.latest is not None:
            threshold = awaited(clock.state, run, case.latest, agreements, case.kept)
            rows.keep_due(work, key, due.get(key), threshold, run.priority, agreements.edition)
    rows.keep_case(work, case, agreements.edition, anew=True)


def compute_anew(
    work: Work,
    case: Case,
    entries: tuple[Entry, ...],
    stored: dict[str, Stored[Clock]],
    clocks: Repository[Clock],
    promises: Promises,
    told: list[Told],
) -> Case:
    """The case by the inputs in force; `entries` are what it has folded.

    Tells what moved, and promises that moved with it; `stored` follows, and `told` has the facts for the metrics. The
    due rows and the case are the caller's to keep.
    """
    found = reckon(case, records_of(case, stored), entries, promises.agreements, work.now)
    told += _tell(work, found, found.missed, stored, entries[-1], clocks, promises.agreements)
    _move(work, found, stored, entries[-1], clocks)
    told += _tell(work, found, found.untold, stored, entries[-1], clocks, promises.agreements)
    if because := _because(found):
        promises.renew(found.case, because)
        promises.tell()
    return found.case


def records_of(case: Case, stored: Mapping[str, Stored[Clock]]) -> dict[Identity, Clock]:
    """The records of a case's clocks among those `stored`, which are by key."""
    keys = {run.identity: rows.key_of(case.incident, run) for run in case.runs}
    return {identity: stored[key].state for identity, key in keys.items() if key in stored}


def _move(
    work: Work,
    found: Reckoned,
    stored: dict[str, Stored[Clock]],
    latest: Entry,
    clocks: Repository[Clock],
) -> None:
    for run in found.case.runs:
        if run.identity not in found.moved:
            continue
        record, event = found.moved[run.identity]
        before = stored[key := rows.key_of(latest.incident, run)]
        # A breach that was told just now may have asked for something.
        moved = replace(record, told=before.state.told, asked=before.state.asked)
        cause = cause_of(latest, backfill=latest.backfill)
        stored[key] = clocks.save(work, before, moved, (in_plain_values(event),), cause)


def _because(found: Reckoned) -> str:
    """Which inputs moved a clock that promises something; empty when none of these moved."""
    moved = [event.change for (_, kind, _), (_, event) in found.moved.items() if kind in PROMISING]
    whys = [change.get("why") or change.get("reason") for change in moved]
    started = [one for one in found.untold if one.event.type == STARTED]
    whys += [f"agreement {one.run.agreement} began" for one in started if one.run.kind in PROMISING]
    return "; ".join(dict.fromkeys(str(why) for why in whys if why))


def _tell(
    work: Work,
    found: Reckoned,
    moments: Iterable[Moment],
    stored: dict[str, Stored[Clock]],
    latest: Entry,
    clocks: Repository[Clock],
    agreements: Agreements,
) -> list[Told]:
    """Tell each fact with its instant; late ones act by the rules."""
    told = list[Told]()
    for moment in moments:
        run = found.case.clock(moment.run.identity) or moment.run
        known, _ = advance_kept(run, work.now, agreements, found.case.kept)
        key = rows.key_of(latest.incident, run)
        backfill = latest.backfill
        before = stored.get(key)
        saved, fact = tell(
            work, before, moment, latest, known=known, backfill=backfill, clocks=clocks, agreements=agreements
        )
        stored.update({} if saved is None else {key: saved})
        told += [] if fact is None else [fact]
    return told
