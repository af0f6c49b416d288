"""The report of a period, as tables, CSV and JSON, from the sums that sla gives page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from deskwire.console import BAD, GOOD, Cell, Voice, styled
from deskwire.sla.bars import characters
from deskwire.sla.times import length
from services.sla.domain.figures import AGES, OLDEST
from shared.text.sheet import rows_of_csv

PARTS = ("values", "backlog", "causes", "levels")
NUMBERS = ("met", "breached", "running", "cancelled")
COLUMNS = ("value", "clock", *NUMBERS, "attainment", "mean_business_seconds", "mean_wall_seconds")
AGE_NAMES = (*(name for _, name in AGES), OLDEST)
BAR, SHORT = 30, 16
"""Characters of a bar, and of one within a wide table."""


def empty(by: str) -> dict[str, Any]:
    """A report of nothing."""
    return {"by": by, "clocks": 0, **{part: {} for part in PARTS}}


def add(found: dict[str, Any], page: Mapping[str, Any]) -> None:
    """Take a page's sums in."""
    found["clocks"] += page["checked"]
    for part in PARTS:
        _add(found[part], page[part])


def document(found: Mapping[str, Any]) -> dict[str, Any]:
    """The whole report as plain JSON: the sums, and the rows with attainment and means."""
    return {**found, "rows": list(rows(found))}


def rows(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each value and clock: `COLUMNS`, and `stopped`, the number of which the means are.

    What nothing is decided or stopped of has None.
    """
    for value, clocks in sorted(found["values"].items()):
        for clock, sums in sorted(clocks.items()):
            numbers = {name: sums.get(name, 0) for name in NUMBERS}
            stopped = sums.get("stopped", 0)
            means = {f"mean_{name}": _part(sums.get(name, 0), stopped) for name in _SECONDS}
            decided = numbers["met"] + numbers["breached"]
            yield {
                "value": value,
                "clock": clock,
                **numbers,
                "attainment": _part(numbers["met"], decided),
                "stopped": stopped,
                **means,
            }


_SECONDS = ("business_seconds", "wall_seconds")
MEANS = tuple(f"mean_{name}" for name in _SECONDS)


def causes(found: Mapping[str, Any], clock: str) -> list[tuple[str, int]]:
    """Breaches of a clock by what the incident did at that moment, the most frequent first."""
    return sorted(found["causes"][clock].items(), key=lambda pair: (-pair[1], pair[0]))


def levels(found: Mapping[str, Any], clock: str) -> list[tuple[str, int]]:
    """Seconds of open time until the breaches of a clock, by level."""
    return [(f"level {level}", sums.get("seconds", 0)) for level, sums in sorted(found["levels"][clock].items())]


def ages(found: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Open resolution clocks by age, the youngest first."""
    return [(name, sum(each.get(name, 0) for each in found["backlog"].values())) for name in AGE_NAMES]


def percent(row: Mapping[str, Any]) -> str:
    """`93.5 %`; empty while nothing is decided."""
    return "" if row["attainment"] is None else f"{row['attainment'] * 100:.1f} %"


def as_csv(found: Mapping[str, Any]) -> str:
    """The rows as CSV; the first column is named after what they are grouped by."""
    return csv_of(COLUMNS, rows(found), head=(found["by"], *COLUMNS[1:]))


def csv_of(columns: Sequence[str], lines: Iterable[Mapping[str, Any]], head: Sequence[str] | None = None) -> str:
    """CSV (RFC 4180) with a head; a text that a spreadsheet would run as a formula stands behind a `'`."""
    return rows_of_csv([head or columns, *([row[name] for name in columns] for row in lines)])


def show(found: Mapping[str, Any], voice: Voice) -> None:
    """Print the tables; MTTA and MTTR are the mean times of the response and of the resolution clock."""
    if not found["clocks"]:
        voice.line("No clocks started in this period.")
        return
    columns = (found["by"], "clock", *NUMBERS, "attained", "", "mean open time", "mean wall time")
    voice.table(columns, [_shown(row, voice) for row in rows(found)], numbers=[name for name in columns[2:] if name])
    for clock in sorted(found["causes"]):
        _table(voice, (f"{clock} breaches: at that moment", "number", "", ""), causes(found, clock))
    for clock in sorted(found["levels"]):
        _table(voice, (f"{clock} breaches: where the time went", "open time", "", ""), levels(found, clock), length)
    if any(number for _, number in ages(found)):
        _table(voice, ("backlog by age", "number", "", ""), ages(found))


def _table(
    voice: Voice, columns: Sequence[str], lines: Sequence[tuple[str, int]], spoken: Callable[[int], str] = str
) -> None:
    voice.line()
    whole = sum(number for _, number in lines)
    cells = []
    for name, number in lines:
        part = number / whole if whole else 0.0
        cells.append((name, spoken(number), f"{part:.0%}", characters(part, BAR, voice.mark)))
    voice.table(columns, cells, numbers=(columns[1],))


def _shown(row: Mapping[str, Any], voice: Voice) -> list[Cell]:
    means = ["" if row[name] is None else length(round(row[name])) for name in MEANS]
    numbers = (str(row[name]) for name in NUMBERS)
    return [row["value"], row["clock"], *numbers, percent(row), _attained(row["attainment"], voice), *means]


def _attained(part: float | None, voice: Voice) -> Text:
    """What was in time, and then what was not: told apart by the character where there is no colour."""
    if part is None:
        return Text()
    met = characters(part, SHORT, voice.mark)
    rest = SHORT - len(met)
    return styled(met, GOOD).append(voice.rest * rest, BAD)


def _add(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for name, value in other.items():
        if isinstance(value, Mapping):
            _add(into.setdefault(name, {}), value)
        else:
            into[name] = into.get(name, 0) + value


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None
