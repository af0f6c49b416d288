"""What a run prints: a table, what did not hold, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.growth import Row, as_dict, print_growth
from tests.faults.scenarios import Result

COLUMNS = (
    "scenario",
    "events",
    "messages",
    "faults",
    "recovery",
    "drained",
    "missing",
    "doubled",
    "poison",
    "dead",
    "again",
    "s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A whole run."""

    seed: int
    dose: str
    results: Sequence[Result]
    seconds: float
    grown: Sequence[Row] = ()

    @property
    def holds(self) -> bool:
        parts = (*self.results, *self.grown)
        return bool(parts) and not any(part.complaints for part in parts)

    def as_dict(self) -> dict[str, Any]:
        """The run as JSON."""
        return {
            "seed": self.seed,
            "dose": self.dose,
            "holds": self.holds,
            "seconds": round(self.seconds, 1),
            "faults": sum(result.faults.total() for result in self.results),
            "events": sum(result.events for result in self.results),
            "scenarios": [_scenario(result) for result in self.results],
            "growth": [as_dict(row) for row in self.grown],
        }


def _scenario(result: Result) -> dict[str, Any]:
    return {
        "scenario": result.scenario,
        "events": result.events,
        "messages": result.messages,
        "resent": result.resent,
        "faults": dict(result.faults),
        "recovery_seconds": round(result.recovery, 2),
        "drained_seconds": round(result.drained, 2),
        "waited_for": result.waited_for,
        "seconds": round(result.seconds, 1),
        "missing": result.missing,
        "doubled": result.doubled,
        "poison": result.poison,
        "dead_letters": result.letters,
        "dead_messages": result.lying,
        "redelivered": result.redelivered,
        "repeated": result.repeated,
        "invariants": {one.name: one.expected for one in result.verdicts},
        "complaints": result.complaints,
    }


def print_json(outcome: Outcome) -> None:
    """One document to standard output."""
    print(json.dumps(outcome.as_dict(), indent=2))


def print_table(outcome: Outcome, console: Console) -> None:
    """One line a scenario, then what did not hold."""
    if outcome.results:
        _print_scenarios(outcome, console)
    if outcome.grown:
        print_growth(list(outcome.grown), console)
    for complaint in (complaint for row in outcome.grown for complaint in row.complaints):
        console.print(f"[red]growth[/red]: {complaint}", highlight=False, soft_wrap=True)
    console.print("everything holds" if outcome.holds else "something does not hold")


def _print_scenarios(outcome: Outcome, console: Console) -> None:
    table = Table(*COLUMNS, title=f"faults, dose {outcome.dose}, seed {outcome.seed}")
    for result in outcome.results:
        table.add_row(*_cells(result), style="red" if result.complaints else "")
    console.print(table)
    kinds = sum((result.faults for result in outcome.results), start=type(outcome.results[0].faults)())
    console.print(
        f"{kinds.total()} faults in {outcome.seconds:.0f} s: " + ", ".join(f"{n} {kind}" for kind, n in kinds.items())
    )
    for verdict in outcome.results[-1].verdicts:
        console.print(f"  {verdict.name}: {verdict.expected}", highlight=False)
    for result in outcome.results:
        for complaint in result.complaints:
            console.print(f"[red]{result.scenario}[/red]: {complaint}", highlight=False, soft_wrap=True)


def _cells(result: Result) -> tuple[str, ...]:
    return (
        result.scenario,
        str(result.events),
        str(result.messages),
        str(result.faults.total()),
        f"{result.recovery:.1f} s",
        f"{result.drained:.1f} s",
        str(result.missing),
        str(result.doubled),
        str(result.poison),
        str(result.letters),
        str(result.redelivered),
        f"{result.seconds:.0f}",
    )
