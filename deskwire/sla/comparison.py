"""What a back-test found, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deskwire.console import BAD, GOOD, Cell, Voice, styled
from deskwire.sla.times import length
from services.sla.domain.backtest import DIMENSIONS, Change, Comparison, Reason

CLOCKS = ("response", "resolution")
SIDES = ("before", "after")
_STATES = {"met": "met", "breached": "breached", "cancelled": "cancelled"}
_WORDS = {
    "priority": "priority",
    "policy": "policy",
    "target_seconds": "target",
    "calendar": "calendar",
    "pauses": "pauses for",
    "stops_at": "stops at",
    "counted_seconds": "counted",
    "stopped_by": "stopped by",
}


def document(found: Comparison) -> dict[str, Any]:
    """Everything that was found, as plain JSON."""
    return {
        "records": found.records,
        "unproven": found.unproven,
        "attainment": {
            dimension: {value: attainments(found, dimension, value) for value in values(found, dimension)}
            for dimension in DIMENSIONS
        },
        "changes": [_change(change) for change in found.changes],
    }


def values(found: Comparison, dimension: str) -> list[str]:
    """The values that records have of a dimension, in order."""
    return sorted({key[1] for key in found.numbers if key[0] == dimension})


def clocks(found: Comparison) -> list[str]:
    """The clocks that are shown: those of further agreements after those of the first."""
    beside = {key[2] for key in found.numbers if key[2].partition("@")[0] in CLOCKS} - set(CLOCKS)
    return [*CLOCKS, *sorted(beside)]


def attainments(found: Comparison, dimension: str, value: str) -> dict[str, Any]:
    """`{clock: {before: {met, breached, running, cancelled, attainment}, after: ...}}`."""
    return {clock: {side: _tally(found, dimension, value, clock, side) for side in SIDES} for clock in clocks(found)}


def show(found: Comparison, voice: Voice, first: int) -> None:
    """Attainment before and after by each dimension, and the first changed verdicts."""
    voice.line(f"{found.records} records, {len(found.changes)} verdicts change.")
    if found.unproven:
        voice.line(f"{found.unproven} records are older than the history that is kept and were left out.")
    for dimension in DIMENSIONS:
        voice.line()
        columns = (dimension, "clock", "decided", "before", "after", "change")
        voice.table(columns, list(_rows(found, dimension)), numbers=columns[2:])
    if not found.changes or not first:
        return
    voice.line()
    rows = [(one.incident, one.clock, one.before, one.after, why(one)) for one in found.changes[:first]]
    voice.table(("record", "clock", "before", "after", "why"), rows)
    if len(found.changes) > first:
        voice.line(f"{len(found.changes) - first} more; --first shows more of them, --json all.", style="dim")


def why(change: Change) -> str:
    """Why a verdict changes, in words."""
    return "; ".join(
        f"{_WORDS[one.field]} {_said(one, one.before)} to {_said(one, one.after)}" for one in change.reasons
    )


def _said(reason: Reason, value: Any) -> str:
    return length(value) if reason.field.endswith("_seconds") else str(value) or "nothing"


def _rows(found: Comparison, dimension: str) -> Iterator[tuple[Cell, ...]]:
    for value in values(found, dimension):
        for clock, sides in attainments(found, dimension, value).items():
            before, after = (sides[side]["attainment"] for side in SIDES)
            decided = sides["after"]["met"] + sides["after"]["breached"]
            yield value, clock, str(decided), _percent(before), _percent(after), _moved(before, after)


def _moved(before: float | None, after: float | None) -> Cell:
    if before is None or after is None or round((after - before) * 100, 1) == 0:
        return ""
    points = (after - before) * 100
    return styled(f"{points:+.1f}", GOOD if points > 0 else BAD)


def _percent(part: float | None) -> str:
    return "" if part is None else f"{part * 100:.1f} %"


def _tally(found: Comparison, dimension: str, value: str, clock: str, side: str) -> dict[str, Any]:
    tally: dict[str, Any] = dict.fromkeys(("met", "breached", "running", "cancelled"), 0)
    for (of, named, kind, when, state), number in found.numbers.items():
        if (of, named, kind, when) == (dimension, value, clock, side):
            tally[_STATES.get(state, "running")] += number
    decided = tally["met"] + tally["breached"]
    return {**tally, "attainment": tally["met"] / decided if decided else None}


def _change(change: Change) -> dict[str, Any]:
    reasons = [{"field": one.field, "before": one.before, "after": one.after} for one in change.reasons]
    names = ("incident", "clock", "before", "after")
    return {**{name: getattr(change, name) for name in names}, "reasons": reasons}
