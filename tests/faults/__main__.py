"""Does everything to the house that can happen to it, and looks whether anything was lost or done twice.

    python -m tests.faults --dose small|large [--seed N] [--events N] [--only NAME] [--json]

Exit code 0 when every invariant held after every scenario, 1 when one did not.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.faults.extra import join
from tests.faults.growth import CHECKPOINTS, Growth, Row
from tests.faults.ledger import Ledger
from tests.faults.report import Outcome, print_json, print_table
from tests.faults.scenarios import DOSES, Player, Result, chosen
from tests.faults.stage import PROCESSES, WANTED, Stage, staged

GROWTH = "growth"
SETTLE_SECONDS = {"small": 60.0, "large": 300.0}


def main(arguments: list[str] | None = None) -> int:
    """Run and report; returns the exit code."""
    options = _options(arguments)
    console = Console(stderr=options.json)
    if not console.is_terminal:
        console = Console(stderr=options.json, width=140)
    console.print(f"seed {options.seed}", highlight=False)
    join()
    started = time.monotonic()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="deskwire-faults-"))
    results = _run(options, folder, console) if options.only != [GROWTH] else []
    grown = _grow(options, folder / GROWTH) if _is_to_grow(options, results) else []
    outcome = Outcome(
        seed=options.seed, dose=options.dose, results=results, seconds=time.monotonic() - started, grown=grown
    )
    if options.json:
        print_json(outcome)
    else:
        print_table(outcome, console)
    if not outcome.holds:
        console.print(f"the logs are in {folder}", soft_wrap=True)
    return 0 if outcome.holds else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dose", choices=sorted(DOSES), default="small")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="tell the same run again")
    parser.add_argument("--events", type=int, help="events in all scenarios together (default: the dose's)")
    names = [*sorted(one.name for one in DOSES["small"][0]), GROWTH]
    parser.add_argument("--only", action="append", default=[], choices=names, help="only this scenario; repeatable")
    parser.add_argument("--json", action="store_true", help="a JSON document on standard output")
    parser.add_argument("--folder", help="where data and logs go (default: a new temporary folder)")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace, folder: Path, console: Console) -> list[Result]:
    scenarios, events = chosen(options.dose, options.only), options.events or DOSES[options.dose][1]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} faults"),
        TimeElapsedColumn(),
    )
    results: list[Result] = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting broker, database and services", total=None)
        with staged(folder) as stage:
            player = Player(
                stage=stage,
                seed=options.seed,
                events=events,
                tell=lambda text, steps: progress.update(task, description=text, advance=steps),
                settle_seconds=SETTLE_SECONDS[options.dose],
                ledger=Ledger(wanted=WANTED),
            )
            for scenario in scenarios:
                results.append(player.play(scenario))
                if results[-1].complaints:
                    return results
            _end(stage, player, results[-1])
    return results


def _is_to_grow(options: argparse.Namespace, results: list[Result]) -> bool:
    wanted = not options.only or GROWTH in options.only
    return wanted and not any(result.complaints for result in results)


def _grow(options: argparse.Namespace, folder: Path) -> list[Row]:
    """On a stage of its own: what it writes is no story that the invariants know."""
    with staged(folder) as stage:
        growth = Growth(stage, CHECKPOINTS[options.dose])
        growth.run()
        return growth.rows


def _end(stage: Stage, player: Player, last: Result) -> None:
    """Stop every process in order and look once more: what one still held would now be back in its queue."""
    for name in PROCESSES:
        stage.stop_process(name)
    last.verdicts, _ = player.settle()
    last.ended += stage.ended


if __name__ == "__main__":
    sys.exit(main())
