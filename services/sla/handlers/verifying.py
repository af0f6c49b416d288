"""Compares every clock with what its history makes of it, a page at a time. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.sla.domain.case import Case
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements
from services.sla.domain.proof import Then
from services.sla.domain.recompute import (
    Difference,
    differences,
    is_behind,
    recompute,
)
from services.sla.domain.record import Clock
from services.sla.domain.run import UNAGREED, Run
from services.sla.handlers.editions import Editions
from services.sla.handlers.gone import FIRST, find_gone
from services.sla.handlers.histories import load_histories
from services.sla.handlers.rows import CASES
from services.sla.handlers.windows import CLOCKS, page_of
from shared.clock import format_instant
from shared.storage import from_document, to_document
from shared.store import Document
from shared.unit_of_work import Work

if TYPE_CHECKING:
    from shared.command import Command

ATTEMPTS = 5
"""How often a record that changes while it is read is read again."""
_SLACK = timedelta(seconds=5)
"""The ticker may tell a threshold between the reads of a page and its comparison."""
_GONE = Difference(field="case", stored=None, expected="the fold of its incident")


@dataclass(slots=True, kw_only=True)
class _Page:
    checked: int = 0
    moving: int = 0
    behind: int = 0
    unproven: int = 0
    lost: int = 0
    outdated: int = 0
    superseded: int = 0
    bygone: int = 0
    kept: int = 0
    differences: list[Document] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Read:
    """Cases with their clocks as one transaction left them. `editions` are the inputs on which each case rests."""

    cases: dict[str, Case] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)
    editions: dict[str, str | None] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """An incident, its history, and those of its clocks that a page has. It rests on no edition when services of
    several have folded it."""

    case: Case
    entries: tuple[Entry, ...]
    edition: str | None
    clocks: Mapping[str, Clock]


def verify(
    work: Work, _command: Command, args: Mapping[str, Any], *, agreements: Agreements, history_kept: timedelta
) -> Document:
    """A page of clocks that started in the period, recomputed and compared; behind the last of them pages of the
    incidents that began in it, of whose clocks none may be gone.

    `{checked, differences: [{clock, field, stored, expected, inputs}], behind, moving, unproven, lost, outdated,
    superseded, bygone, kept, through, next}`: `behind` counts live clocks whose breach the ticker has yet to tell;
    `moving` those that changed under every read; `unproven` those that started before what is kept of the history
    (`history_kept`); `lost` those whose history should be there and is not; `outdated` open clocks that are yet to be
    computed by the inputs in force; `superseded` ended ones that today's inputs would make something else of, and
    that are what those make of them by which they ended; `bygone` ended ones of which those are not known any more;
    `kept` those that passed thresholds under earlier inputs. `through` is the start of the page's last clock.
    """
    if args.get("cursor", "").startswith(FIRST):
        return _verify_presence(work, args, agreements)
    found, cursor = page_of(work, args.get("cursor"), args.get("since"), args.get("until"), args["limit"])
    keys: dict[str, list[str]] = {}
    for row in found:
        keys.setdefault(row["incident"], []).append(row["_id"])
    read = _read(work, keys)
    histories = load_histories(work, read.cases.values())
    page = _Page()
    for incident, own in keys.items():
        case = read.cases.get(incident)
        if incident in read.gone:
            page.checked += len(own)
            page.differences.extend(_difference(key, _GONE, None) for key in own)
        elif case is None:
            page.moving += len(own)
        elif (entries := histories[incident]) is None:
            _count_unproven(page, [read.clocks[key] for key in own], work.now - history_kept)
        else:
            clocks = {key: read.clocks[key] for key in own}
            record = _Record(case=case, entries=entries, edition=read.editions[incident], clocks=clocks)
            _compare(work, page, record, agreements)
    through = format_instant(found[-1]["started_at"]) if found else None
    return {**to_document(page), "through": through, "next": cursor or FIRST}


def _verify_presence(work: Work, args: Mapping[str, Any], agreements: Agreements) -> Document:
    found, through, cursor = find_gone(work, args, agreements)
    lost = [_difference(key, Difference(field="clock", stored=None, expected=state), None) for key, state in found]
    page = _Page(checked=len(lost), differences=lost)
    return {**to_document(page), "through": through, "next": cursor}


def _count_unproven(page: _Page, clocks: Iterable[Clock], since: datetime) -> None:
    for clock in clocks:
        page.lost += clock.started_at >= since
        page.unproven += clock.started_at < since


def _compare(work: Work, page: _Page, record: _Record, agreements: Agreements) -> None:
    case, now = record.case, work.now
    expected = recompute(case.incident, record.entries, agreements, now + _SLACK, kept=case.kept)
    stale, then = record.edition != agreements.edition, Editions(work, case, record.entries, agreements)
    for key, clock in record.clocks.items():
        run = case.clock(clock.identity)
        found = differences(clock, run, expected)
        ended = run is not None and not run.is_open
        if found and stale and not ended:
            page.outdated += 1
            continue
        page.checked += 1
        page.kept += any(one.identity == clock.identity for one in case.kept)
        gone = run is not None and run.spans[-1].reason in UNAGREED
        if run is not None and found and ended and (stale or gone or clock.edition != agreements.edition):
            _judge(page, key, clock, run, then.of(clock), now + _SLACK)
        else:
            page.behind += is_behind(clock, expected, now)
            page.differences.extend(_difference(key, one, clock) for one in found)


def _judge(page: _Page, key: str, clock: Clock, run: Run, then: Then | None, until: datetime) -> None:
    """What a clock is that has ended, and of which the agreements in force make something else. One that went with its
    agreements is no difference when it is not proven: services of several editions may have had it in turns."""
    if then is not None and then.prove(clock, run, until) is not None:
        page.superseded += 1
    elif then is None or not then.exact or run.spans[-1].reason in UNAGREED:
        page.bygone += 1
    else:
        page.differences.extend(_difference(key, one, clock) for one in then.differences(clock, until))


def _read(work: Work, keys: Mapping[str, list[str]]) -> _Read:
    """The cases that stayed the same around the read of their clocks."""
    read = _Read()
    for _ in range(ATTEMPTS):
        wanted = [incident for incident in keys if incident not in read.cases]
        if not wanted:
            break
        before = _by_key(work.store.read(CASES, wanted))
        rows = _by_key(work.store.read(CLOCKS, [key for incident in wanted for key in keys[incident]]))
        after = _by_key(work.store.read(CASES, wanted))
        read.gone = set(wanted) - before.keys() - after.keys()
        for incident, row in before.items():
            if row["version"] == after.get(incident, {}).get("version"):
                read.cases[incident] = from_document(Case, row)
                read.editions[incident] = row.get("edition")
                read.clocks.update((key, from_document(Clock, rows[key])) for key in keys[incident])
    return read


def _by_key(rows: Iterable[Document]) -> dict[str, Document]:
    return {row["_id"]: row for row in rows}


def _difference(key: str, one: Difference, clock: Clock | None) -> Document:
    """`inputs` are those that the record was computed with, in words; null where it does not say."""
    inputs = None if clock is None or clock.inputs is None else clock.inputs.words
    difference = {"clock": key, "field": one.field, "stored": _plain(one.stored), "expected": _plain(one.expected)}
    return {**difference, "inputs": inputs}


def _plain(value: Any) -> Any:
    """Any value of a record as JSON."""
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    document = to_document(value)
    return document if document is value or isinstance(document, str) else _plain(document)
