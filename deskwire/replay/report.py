"""The report of a replay, from the services' own records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the services hold after a replay, and how fast it went.

    `incident` and `sla` are those services' answers to `report`; `seconds` run from the first publish to the last
    effect; `dead_letters` counts those that the replay has added.
    """

    events: int
    published_seconds: float
    seconds: float
    dead_letters: int
    incident: Mapping[str, Any]
    sla: Mapping[str, Any]

    @property
    def rate(self) -> float:
        """Events a second, each with all its effects."""
        return self.events / self.seconds if self.seconds > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "events": self.events,
            "published_seconds": round(self.published_seconds, 3),
            "seconds": round(self.seconds, 3),
            "events_per_second": round(self.rate, 1),
            "dead_letters": self.dead_letters,
            "incident": dict(self.incident),
            "sla": dict(self.sla),
        }


_LINES = (
    ("incidents", "Incidents"),
    ("level1_only", "Solved in level 1 only"),
    ("level_changes", "Hand-overs between levels"),
    ("ping_pong", "Cases with ping-pong"),
    ("reopened", "Reopened"),
)


def show(report: Report, console: Console) -> None:
    """Print it for people."""
    console.print(_records(report.incident))
    attainment = _attainment(report.sla)
    if attainment.row_count:
        console.print(attainment)
    console.print(
        f"{report.events:,} events in {report.seconds:.1f} s: {report.rate:,.0f} a second with all their effects "
        f"(published in {report.published_seconds:.1f} s); {report.dead_letters:,} dead letters"
    )


def _records(incident: Mapping[str, Any]) -> Table:
    table = Table("Incidents", "", show_header=False)
    for key, words in _LINES:
        if key in incident:
            table.add_row(words, f"{incident[key]:,}")
    for key, words in (("by_state", "Now"), ("by_resolution_code", "Resolution")):
        for name, number in sorted(incident.get(key, {}).items()):
            table.add_row(f"{words}: {name}", f"{number:,}")
    return table


def _attainment(sla: Mapping[str, Any]) -> Table:
    """One row for each priority and clock of `{priorities: {priority: {clock: {met, breached, ...}}}}`."""
    table = Table("Priority", "Clock", "Met", "Breached", "Attainment", title="Service levels")
    for priority, clocks in sorted(sla.get("priorities", {}).items()):
        for clock, numbers in sorted(clocks.items()):
            met, breached = numbers.get("met", 0), numbers.get("breached", 0)
            if met + breached:
                table.add_row(priority, clock, f"{met:,}", f"{breached:,}", f"{met / (met + breached):.1%}")
    return table
