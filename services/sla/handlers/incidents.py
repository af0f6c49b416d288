"""Takes incident events: keeps them as history, folds what has no gap, tells what became true."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from services.sla.domain.case import Case, awaits, fold_entry, ready, receive
from services.sla.domain.clock import Moment
from services.sla.domain.history import Entry
from services.sla.domain.kinds import KINDS, Kind
from services.sla.domain.policy import Agreements
from services.sla.domain.promise_moves import Promise
from services.sla.domain.record import Clock, unannounced
from services.sla.domain.standing import keep_breaches
from services.sla.handlers import rows
from services.sla.handlers.histories import load_histories
from services.sla.handlers.outages import keep_outage
from services.sla.handlers.promising import Promises, load_promises
from services.sla.handlers.reckoning import compute_anew, find_touched
from services.sla.handlers.rows import clock_key, key_of
from services.sla.handlers.telling import Records, Told
from shared.envelope import Envelope
from shared.errors import DeskwireError
from shared.storage import Repository
from shared.unit_of_work import Taken, UnitOfWork, Work

ReadEntry = Callable[[Envelope], Entry]
"""Reads an incident event. Raises DeskwireError for one that breaks the contract."""


def take_incidents(
    unit_of_work: UnitOfWork,
    envelopes: Sequence[Envelope],
    *,
    clocks: Repository[Clock],
    promises: Repository[Promise],
    agreements: Agreements,
    read: ReadEntry,
    observe_breach: Callable[[str, str], None],
) -> Taken:
    """Handle a batch once; `observe_breach(clock, priority)` is called after the commit for each live breach."""

    def block(work: Work, fresh: Sequence[Envelope]) -> Mapping[str, DeskwireError]:
        told: list[Told] = []
        rejected = on_incident(
            work, fresh, clocks=clocks, promises=promises, agreements=agreements, read=read, told=told
        )
        for fact in told:
            if fact.is_breach:
                work.afterwards(partial(observe_breach, fact.clock, fact.priority))
        return rejected

    return unit_of_work.take("sla", envelopes, block)


def on_incident(
    work: Work,
    envelopes: Sequence[Envelope],
    *,
    clocks: Repository[Clock],
    promises: Repository[Promise],
    agreements: Agreements,
    read: ReadEntry,
    told: list[Told],
) -> dict[str, DeskwireError]:
    """Fold a batch of incident events, of any incidents and in any order. Returns the rejected ones by id.

    A version that came before is left out; one that comes too early waits in the history until the gap closes.
    """
    entries, rejected = _read(envelopes, read)
    cases, arrived = _receive(work, entries)
    waiting = [key for case in cases.values() for key in _ready_keys(case) if key not in arrived]
    history = {**arrived, **rows.load_entries(work, waiting)}
    known = [key for case in cases.values() for key in _known_keys(case)]
    stored = clocks.get_many(work, known)
    due = work.load(rows.DUE, known)
    noted = load_promises(work, promises, agreements, history.values())
    records = Records(work=work, repository=clocks, agreements=agreements, stored=stored, due=due, told=told)
    touched = [case for case in find_touched(work, cases.values(), agreements.edition) if ready(case)]
    folded = load_histories(work, touched)
    for case in cases.values():
        pending = [history[key] for key in _ready_keys(case)]
        # An open history that other inputs began is first computed by those in force, and then goes on by them.
        before = folded.get(case.incident)
        anew = bool(before) and _is_open_by(case, pending, agreements)
        if before and anew:
            case = compute_anew(case, before, records, noted)
        settled = anew or rows.is_settled(work, case.incident, agreements.edition)
        if not settled:
            case = keep_breaches(case, records.of(case))
        case = _fold(case, pending, records, noted, settled=settled)
        rows.keep_case(work, case, agreements.edition, anew=anew)
    return rejected


def _is_open_by(case: Case, pending: Sequence[Entry], agreements: Agreements) -> bool:
    """Whether some clock of the case is open, or one of the coming entries opens one again."""
    cases = [case]
    for entry in pending:
        cases.append(fold_entry(cases[-1], entry, agreements)[0])
    return any(run.is_open for one in cases for run in one.runs)


def _read(envelopes: Iterable[Envelope], read: ReadEntry) -> tuple[list[Entry], dict[str, DeskwireError]]:
    entries, rejected = [], dict[str, DeskwireError]()
    for envelope in envelopes:
        try:
            entries.append(read(envelope))
        except DeskwireError as error:
            rejected[envelope.id] = error
    return entries, rejected


def _receive(work: Work, entries: Sequence[Entry]) -> tuple[dict[str, Case], dict[str, Entry]]:
    """The cases that got something new, and the new entries by key, which are in the history from now on."""
    known = rows.load_cases(work, list({entry.incident: None for entry in entries}))
    cases, arrived = dict[str, Case](), dict[str, Entry]()
    for entry in entries:
        case = cases.get(entry.incident) or known.get(entry.incident) or Case(incident=entry.incident)
        if awaits(case, entry.version):
            cases[entry.incident] = receive(case, entry.version)
            arrived[rows.history_key(entry.incident, entry.version)] = entry
            rows.keep_entry(work, entry)
    return cases, arrived


def _ready_keys(case: Case) -> list[str]:
    return [rows.history_key(case.incident, version) for version in ready(case)]


def _known_keys(case: Case) -> list[str]:
    """The keys of the clocks that a case has, and of those that a first version starts."""
    first = [clock_key(case.incident, kind) for kind in Kind if not KINDS[kind].repeats]
    return list(dict.fromkeys([*first, *(key_of(case.incident, run) for run in case.runs)]))


def _in_force(moment: Moment, before: Entry | None, entry: Entry) -> Entry:
    """The entry to which a fact belongs. A threshold that `entry` found passed belongs to the one before it.

    What hides one of the two hides such a fact, too, and so does what makes one of them history.
    """
    if before is None or moment.threshold is None:
        return entry
    restricted, backfill = before.restricted or entry.restricted, before.backfill or entry.backfill
    return replace(before, restricted=restricted, backfill=backfill)


def _fold(case: Case, entries: Sequence[Entry], records: Records, promises: Promises, *, settled: bool) -> Case:
    """The case with the entries folded one by one, their facts told in order and the due rows set.

    What a threshold still asks for depends on all that has come, so facts are told when all is folded. `settled` says
    that the case rests on the agreements.
    """
    facts, known = list[tuple[Moment, Entry | None, Entry]](), case
    for entry in entries:
        before = case
        case, moments = fold_entry(case, entry, records.agreements)
        facts += [(moment, before.latest, case.latest or entry) for moment in moments]
        promises.note(before, case)
    for moment, earlier, entry in facts:
        stored = records.get(case, moment.run)
        missed = unannounced(None if stored is None else stored.state, moment)
        for one in (missed, moment) if missed else (moment,):
            records.tell(case, one, _in_force(one, earlier, entry), settled=settled)
    promises.tell()
    if entries:
        for run in case.runs:
            records.look(case, run)
        keep_outage(records.work, known, case)
    return case
