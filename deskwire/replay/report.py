"""The report of a replay, from the services' own records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deskwire.console import Voice


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
    ("incidents", "incidents"),
    ("level1_only", "solved in level 1 only"),
    ("level_changes", "hand-overs between levels"),
    ("ping_pong", "cases with ping-pong"),
    ("reopened", "reopened"),
)


def show(report: Report, voice: Voice) -> None:
    """Print it for people."""
    voice.table(("", "cases"), list(_records(report.incident)), numbers=("cases",))
    voice.line()
    numbers = ("met", "breached", "attainment")
    voice.table(("priority", "clock", *numbers), list(_attainment(report.sla)), numbers=numbers)
    voice.line()
    voice.line(
        f"{report.events:,} events in {report.seconds:.1f} s: {report.rate:,.0f} a second with all their effects "
        f"(published in {report.published_seconds:.1f} s); {report.dead_letters:,} dead letters"
    )


def _records(incident: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, words in _LINES:
        if key in incident:
            yield words, f"{incident[key]:,}"
    for key, words in (("by_state", "now"), ("by_resolution_code", "resolution code")):
        for name, number in sorted(incident.get(key, {}).items()):
            yield f"{words} {name}", f"{number:,}"


def _attainment(sla: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for priority, clocks in sorted(sla.get("priorities", {}).items()):
        for clock, numbers in sorted(clocks.items()):
            rate = numbers.get("attainment")
            share = "-" if rate is None else f"{rate:.1%}"
            yield priority, clock, f"{numbers['met']:,}", f"{numbers['breached']:,}", share
