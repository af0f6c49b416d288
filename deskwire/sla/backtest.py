"""Runs a draft over the history in this process and its workers, so that no service is held up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from datetime import datetime
from itertools import takewhile
from multiprocessing import get_context

from deskwire.session import store_of
from services.sla.domain.backtest import Comparison, compare, sharing
from services.sla.domain.history import Entry
from services.sla.domain.policy import Agreements
from services.sla.handlers.rows import HISTORY
from services.sla.handlers.windows import windows
from shared.clock import SystemClock
from shared.ids import SystemIds
from shared.storage import from_document
from shared.store import Document, Store
from shared.unit_of_work import Work

CHUNK = 250
"""Records in one read of their histories: about two thousand rows."""
PAGE = 2 * CHUNK
MOST_ROWS = 1_000_000
AHEAD = 2
"""Chunks that wait for each worker."""


class Trial:
    """A draft beside what holds, as of one instant, for any records."""

    def __init__(self, before: Agreements, after: Agreements, now: datetime) -> None:
        self.before, self.after, self.now = before, sharing(before, after), now

    def run(self, histories: Mapping[str, Sequence[Document]]) -> Comparison:
        """Compare records whose history rows are given, in any order."""
        found = Comparison()
        for incident, rows in histories.items():
            entries = read_entries(rows)
            if entries:
                compare(found, incident, entries, self.before, self.after, self.now)
            else:
                found.unproven += 1
        return found


def read_entries(rows: Iterable[Document]) -> list[Entry]:
    """The entries of one incident from its first version up to the first gap."""
    ordered = sorted(rows, key=lambda row: row["version"])
    prefix = takewhile(lambda pair: pair[0] == pair[1]["version"], enumerate(ordered, start=1))
    return [from_document(Entry, row) for _, row in prefix]


def chunks(store: Store, since: datetime | None, until: datetime | None) -> Iterator[list[str]]:
    """The incidents whose clocks started in the period, in order of their start."""
    work = Work(store, SystemClock(), SystemIds())
    last = ""
    for window in windows(work, {}, None, since, until, PAGE):
        # A page may end between the clocks of one incident, which all start at the same instant.
        incidents = [incident for incident in dict.fromkeys(row["incident"] for row in window) if incident != last]
        last = incidents[-1] if incidents else last
        for place in range(0, len(incidents), CHUNK):
            yield incidents[place : place + CHUNK]


def histories(store: Store, incidents: Sequence[str]) -> dict[str, list[Document]]:
    """The history rows of these incidents, in one read."""
    found: dict[str, list[Document]] = {incident: [] for incident in incidents}
    for row in store.find(HISTORY, {"incident": list(incidents)}, limit=MOST_ROWS):
        found[row["incident"]].append(row)
    return found


_trial: Trial | None = None
_store: Store | None = None


def _prepare(trial: Trial) -> None:
    """Gives a worker what all its chunks need, once."""
    global _trial, _store
    _trial, _store = trial, store_of("sla")


def _run_chunk(incidents: Sequence[str]) -> Comparison:
    if _trial is None or _store is None:
        raise AssertionError("unreachable: a worker is prepared before its first chunk")
    return _trial.run(histories(_store, incidents))


def run_in_workers(
    trial: Trial, parts: Iterable[Sequence[str]], told: Callable[[int], None], workers: int | None = None
) -> Comparison:
    """Run the trial over all parts, on all cores; `told(records)` after each part.

    Workers are fresh processes that read the database themselves: a connection does not survive a fork.
    """
    total, waiting = Comparison(), set[Future[Comparison]]()
    count = workers or os.cpu_count() or 1
    with ProcessPoolExecutor(count, get_context("spawn"), _prepare, (trial,)) as pool:
        for part in parts:
            waiting.add(pool.submit(_run_chunk, part))
            if len(waiting) >= AHEAD * count:
                waiting = _take(total, waiting, told)
        while waiting:
            waiting = _take(total, waiting, told)
    return _in_order(total)


def run_here(trial: Trial, store: Store, parts: Iterable[Sequence[str]], told: Callable[[int], None]) -> Comparison:
    """The same in this process."""
    total = Comparison()
    for part in parts:
        found = trial.run(histories(store, part))
        total.add(found)
        told(found.records + found.unproven)
    return _in_order(total)


def _take(total: Comparison, waiting: set[Future[Comparison]], told: Callable[[int], None]) -> set[Future[Comparison]]:
    done, left = wait(waiting, return_when=FIRST_COMPLETED)
    for one in done:
        found = one.result()
        total.add(found)
        told(found.records + found.unproven)
    return left


def _in_order(total: Comparison) -> Comparison:
    """The answer is the same however many workers there were."""
    total.changes.sort(key=lambda change: (change.incident, change.clock))
    return total
