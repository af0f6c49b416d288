"""Numbers as bars: for a terminal as characters, for a page as marks on a plane. Nothing here knows of markup.

A bar never lies about the ends: it is empty of nothing only, and full of the whole only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

WIDTH = 700
"""Of the plane. Its units are about those of the text on it; the page stretches it to its place."""
LABEL, VALUE = 170, 120
PLOT = WIDTH - LABEL - VALUE
THICK, APART, GAP, AXIS = 14, 3, 11, 22
TICKS = 5
"""At most so many lines across a chart."""
_MINUTE, _HOUR = 60, 3600
_TIMES = (1, 5, 15, 30, _MINUTE, *(n * _MINUTE for n in (2, 5, 10, 15, 30)), *(n * _HOUR for n in (1, 2, 4, 8, 12)))
_DAY = 24 * _HOUR


class Look(StrEnum):
    """What a bar is about; the page has a colour for each."""

    MET = "met"
    BREACHED = "breached"
    FIRST = "first"
    SECOND = "second"


class Unit(StrEnum):
    """What a chart counts: it decides where its lines are."""

    NUMBER = "number"
    SECONDS = "seconds"
    PART = "part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Stretches one after the other, and the words at their end. `stretches` are not negative."""

    stretches: tuple[tuple[Look, float], ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A group with its bars, one below the other."""

    label: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A rectangle; `look` is None for the field on which a bar lies."""

    x: float
    y: float
    width: float
    look: Look | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Words at a place: those of a label end there, those of a value begin there."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A whole chart. `lines` are the places across, each with the number that it stands for."""

    height: float
    lines: tuple[tuple[float, float], ...]
    marks: tuple[Mark, ...]
    labels: tuple[Note, ...]
    values: tuple[Note, ...]


def characters(part: float, width: int, mark: str) -> str:
    """A bar of up to `width` characters for a part of a whole, from 0 to 1."""
    if part <= 0:
        return ""
    return mark * (width if part >= 1 else min(max(round(part * width), 1), max(width - 1, 1)))


def draw(rows: Sequence[Row], unit: Unit) -> Drawing:
    """The rows from the top down, all on one scale that begins at nothing."""
    end, step = scale(max((_length(bar) for row in rows for bar in row.bars), default=0), unit)
    marks, labels, values, y = list[Mark](), list[Note](), list[Note](), float(AXIS)
    for row in rows:
        tall = len(row.bars) * (THICK + APART) - APART
        labels.append(Note(x=LABEL - 8, y=y + tall / 2, words=row.label))
        for bar in row.bars:
            marks += _marks(bar, y, PLOT / end)
            values.append(Note(x=LABEL + _length(bar) * PLOT / end + 6, y=y + THICK / 2, words=bar.words))
            y += THICK + APART
        y += GAP - APART
    lines = tuple((LABEL + number * step * PLOT / end, number * step) for number in range(round(end / step) + 1))
    return Drawing(height=y, lines=lines, marks=tuple(marks), labels=tuple(labels), values=tuple(values))


def scale(longest: float, unit: Unit) -> tuple[float, float]:
    """Where the plane ends, and how far its lines are apart: round numbers, the end a line, none longer than it."""
    if unit is Unit.PART:
        return 1.0, 0.25
    step = next(step for step in _steps(unit) if step * TICKS >= longest)
    return max(-(-longest // step), 1) * step, step


def _steps(unit: Unit) -> Sequence[float]:
    tens = [first * 10**power for power in range(12) for first in (1, 2, 5)]
    return tens if unit is Unit.NUMBER else [*_TIMES, *(_DAY * number for number in tens)]


def _marks(bar: Bar, y: float, size: float) -> list[Mark]:
    ends = list(accumulate(number for _, number in bar.stretches))
    field = Mark(x=LABEL, y=y, width=PLOT, look=None)
    drawn = [
        Mark(x=LABEL + (end - number) * size, y=y, width=number * size, look=look)
        for (look, number), end in zip(bar.stretches, ends, strict=True)
        if number > 0
    ]
    return [field, *drawn]


def _length(bar: Bar) -> float:
    return sum(number for _, number in bar.stretches)
