"""A clock's life as pieces on a line of time, and as one bar of characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.clock import parse_instant

WIDTH = 60
"""Characters of a bar: with a label before it, it fits a narrow terminal."""


class Look(StrEnum):
    """What is drawn of a moment; `late` is running time past the due instant."""

    RUNNING = "running"
    LATE = "late"
    PAUSED = "paused"
    OUTSIDE = "outside"
    STOPPED = "stopped"


MARKS = {Look.RUNNING: "█", Look.LATE: "▓", Look.PAUSED: "░", Look.OUTSIDE: "·", Look.STOPPED: " "}
COLOURS = {Look.RUNNING: "green", Look.LATE: "red", Look.PAUSED: "yellow", Look.OUTSIDE: "dim", Look.STOPPED: "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of one look, half-open, in seconds since the epoch."""

    start: float
    end: float
    look: Look


def pieces(clock: Mapping[str, Any]) -> list[Piece]:
    """The pieces of an explained clock, in order and without a hole, up to where it stopped for good."""
    breached = clock["breached_at"]
    late = None if breached is None else _seconds(breached)
    found = [piece for span in clock["spans"] for piece in _of_span(span, late)]
    while found and found[-1].look is Look.STOPPED:
        found.pop()
    return found


def bar(drawn: Sequence[Piece], start: float, end: float, width: int = WIDTH) -> list[tuple[Look, int]]:
    """The bar from `start` to `end` as runs of one look; each character shows what fills most of its time."""
    runs = list[tuple[Look, int]]()
    step = (end - start) / width
    for cell in range(width if step > 0 else 0):
        look = _most(drawn, start + cell * step, start + (cell + 1) * step)
        if runs and runs[-1][0] is look:
            runs[-1] = (look, runs[-1][1] + 1)
        else:
            runs.append((look, 1))
    return runs


def _of_span(span: Mapping[str, Any], late: float | None) -> Iterator[Piece]:
    for stretch in span["stretches"]:
        start, end = _seconds(stretch["from"]), _seconds(stretch["to"])
        look = _look(span, stretch)
        if look is Look.RUNNING and late is not None and end > late:
            if start < late:
                yield Piece(start=start, end=late, look=look)
            yield Piece(start=max(start, late), end=end, look=Look.LATE)
        else:
            yield Piece(start=start, end=end, look=look)


def _look(span: Mapping[str, Any], stretch: Mapping[str, Any]) -> Look:
    if span["activity"] in ("stopped", "cancelled"):
        return Look.STOPPED
    if not span["counts"]:
        return Look.PAUSED
    return Look.RUNNING if stretch["open"] else Look.OUTSIDE


def _most(drawn: Sequence[Piece], start: float, end: float) -> Look:
    """A clock that ran for a moment only is seen, too: a character is blank when nothing ran or stood in its time."""
    sums = dict.fromkeys(Look, 0.0)
    for piece in drawn:
        sums[piece.look] += max(0.0, min(piece.end, end) - max(piece.start, start))
    sums[Look.STOPPED] = 0.0
    return max(sums, key=lambda look: sums[look]) if any(sums.values()) else Look.STOPPED


def _seconds(instant: str) -> float:
    return parse_instant(instant).timestamp()


def extent(clocks: Sequence[Mapping[str, Any]]) -> tuple[datetime, datetime]:
    """From the first to the last moment drawn of all clocks, so that their bars share one line of time."""
    edges = [
        parse_instant(stretch[edge])
        for clock in clocks
        for span in clock["spans"]
        if span["activity"] not in ("stopped", "cancelled")
        for stretch in span["stretches"]
        for edge in ("from", "to")
    ]
    starts = [parse_instant(clock["started_at"]) for clock in clocks]
    return min([*starts, *edges]), max([*starts, *edges])
