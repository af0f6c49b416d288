"""How a command speaks: aligned and quiet for people, JSON for programs, colour on a terminal only."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from shared.text.terminal import harmless, in_a_row

GOOD = "green"
BAD = "red"
DIM = "dim"
PIPE_WIDTH = 400

Cell = str | Text
"""What stands in a table: text that is printed as it is, but for what `in_a_row` replaces, or `styled` text."""


class Voice:
    """Where a command's answer goes. With `as_json` it is one JSON document and nothing else on standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # Text is text: no markup and no `:emoji:` is read out of it.
        self.console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
        if not self.console.is_terminal:
            # Whoever reads a pipe wants a row on one line; the 80 columns that rich assumes would fold it.
            self.console.width = PIPE_WIDTH

    @property
    def on_terminal(self) -> bool:
        """Whether a person watches."""
        return not self.as_json and self.console.is_terminal

    @property
    def mark(self) -> str:
        """What bars are made of: a block on a terminal with colours, and elsewhere a character of ASCII."""
        return "█" if self._draws else "#"

    @property
    def rest(self) -> str:
        """What is left of a whole beside its bar: another character, for colour alone tells it to few."""
        return "░" if self._draws else "."

    @property
    def _draws(self) -> bool:
        return self.on_terminal and not self.console.no_color

    def answer(self, document: Any) -> None:
        """The answer for programs; says nothing to people."""
        if self.as_json:
            print(json.dumps(document, default=str), flush=True)

    def line(self, text: str = "", style: str | None = None) -> None:
        """One line for people; silent with `--json`. The text is printed as it is, but for what `in_a_row` replaces."""
        self.drawn(styled(text, style or ""))
        sys.stdout.flush()

    def drawn(self, text: Text) -> None:
        """A line made of parts in styles of their own, each `styled` or of our own characters."""
        if not self.as_json:
            self.console.print(text)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]], numbers: Sequence[str] = ()) -> None:
        """Aligned columns without lines; those in `numbers` to the right. Each cell is one line, as in `line`."""
        self._grid(columns, ([_row(cell) for cell in row] for row in rows), numbers)

    def details(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Names, and beside each what it has, with its lines."""
        self._grid(
            ("", ""), ([styled(name, DIM), Text(harmless(value).expandtabs())] for name, value in pairs), numbers=()
        )

    def _grid(self, columns: Sequence[str], rows: Iterable[Sequence[Text]], numbers: Sequence[str]) -> None:
        if self.as_json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
        for column in columns:
            table.add_column(_row(column), justify="right" if column in numbers else "left", overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)


def styled(text: str, style: str = "") -> Text:
    """Text in a style, as `in_a_row` says it."""
    return Text(in_a_row(text), style)


def marked(good: bool, text: str) -> Text:
    """Text with a mark in the colour of good or bad, so that it reads without colour, too."""
    return (styled("ok", GOOD) if good else styled("BAD", BAD)).append(
        f"{'   ' if good else '  '}{in_a_row(text)}", "default"
    )


def _row(cell: Cell) -> Text:
    return styled(cell) if isinstance(cell, str) else cell


def progress_bar() -> Progress:
    """Shown on standard error, and only to a person: standard output is for the answer."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not console.is_terminal)
