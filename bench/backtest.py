"""`python -m bench.backtest`: records a second that `deskwire sla backtest` tries a draft on, from a real database.

The pasts are generated, of about twelve events a record; the policies are those of the house, and the draft moves one
target, so that every record of that policy is folded twice. Nothing but reading and folding is timed: the rows are
written before, and the workers' start counts, as it does for an operator.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import perf_counter

from pymongo import MongoClient
from rich.console import Console
from rich.table import Table

from deploy.local.database import Database
from deskwire.console import progress_bar
from deskwire.session import store_of
from deskwire.sla.backtest import Trial, chunks, run_here, run_in_workers
from services.sla.domain.backtest import Comparison, compare
from services.sla.domain.history import Entry
from services.sla.settings import load
from shared.config import SETTINGS_FOLDER
from shared.store import Document
from tests.past_rows import fill
from tests.unit.sla.factories import MONDAY
from tests.unit.sla.pasts import make_pasts

STEPS = (7, 11)
"""Events of a record beside its first, its solution and its end."""
NOW = MONDAY + timedelta(days=200)
PURE = 2_000
"""Records of the measure without a database."""


def main() -> int:
    """Measure and print; exit code 0 whatever the figures are."""
    options = _options()
    table = Table("back-test", "records", "events", "seconds", "records a second", "verdicts that change")
    with tempfile.TemporaryDirectory(prefix="deskwire-bench-") as name:
        folder = Path(name)
        trial = Trial(load(SETTINGS_FOLDER / "sla.yaml"), load(_draft(folder)), NOW)
        table.add_row("fold and compare, one process, no database", *_shown(*_pure(trial)))
        database = Database(folder / "database")
        try:
            database.start()
            events = _fill(database, options.records)
            run = _real(trial, options.workers)
            table.add_row(f"from the database, {options.workers} processes", *_shown(*run, events))
        finally:
            database.stop()
    Console().print(table)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.backtest", description=__doc__)
    parser.add_argument("--records", type=int, default=10_000, help="records in the database (10000)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes; one for each core")
    return parser.parse_args()


def _draft(folder: Path) -> Path:
    draft = folder / "draft.yaml"
    draft.write_text((SETTINGS_FOLDER / "sla.yaml").read_text().replace("resolution: 27h", "resolution: 13h"))
    return draft


def _pure(trial: Trial) -> tuple[float, Comparison, int]:
    pasts, found = list(make_pasts(PURE, steps=STEPS)), Comparison()
    begun = perf_counter()
    for past in pasts:
        compare(found, past[0].incident, past, trial.before, trial.after, trial.now)
    return perf_counter() - begun, found, sum(map(len, pasts))


def _fill(database: Database, records: int) -> int:
    """Write the pasts, and let this process and its workers find them; how many events there are."""
    os.environ.update(
        MONGODB_URI=database.uri,
        AMQP_URI="amqp://nobody@127.0.0.1:1/none",
        DESKWIRE_DATABASE_PREFIX="b_",
        DESKWIRE_VAR=str(database.folder.parent),
    )
    events = 0

    def counted() -> Iterator[list[Entry]]:
        nonlocal events
        for past in make_pasts(records, steps=STEPS):
            events += len(past)
            shown.advance(task)
            yield past

    with MongoClient[Document](database.uri, tz_aware=True) as client, progress_bar() as shown:
        task = shown.add_task("records written", total=records)
        fill(client, "b_sla", counted())
    return events


def _real(trial: Trial, workers: int) -> tuple[float, Comparison]:
    with progress_bar() as shown:
        told = partial(shown.advance, shown.add_task("records tried", total=None))
        begun = perf_counter()
        store = store_of("sla")
        parts = chunks(store, None, None)
        found = run_here(trial, store, parts, told) if workers == 1 else run_in_workers(trial, parts, told, workers)
        return perf_counter() - begun, found


def _shown(seconds: float, found: Comparison, events: int) -> tuple[str, ...]:
    rate = f"{found.records / seconds:,.0f}"
    return f"{found.records:,}", f"{events:,}", f"{seconds:.1f}", rate, f"{len(found.changes):,}"


if __name__ == "__main__":
    sys.exit(main())
