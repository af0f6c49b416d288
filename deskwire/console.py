"""How a command speaks: aligned and quiet for people, JSON for programs, colour on a terminal only."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

GOOD = "green"
BAD = "red"
DIM = "dim"
PIPE_WIDTH = 400

_HARMLESS = "\t\n"
_CONTROLS = (
    *range(0x20),  # C0: an escape sequence moves the cursor, renames the window or writes the clipboard.
    *range(0x7F, 0xA0),  # DEL and C1, which some terminals take for escape sequences, too.
    *range(0x202A, 0x202F),  # What turns the direction of text makes a line read as another one.
    *range(0x2066, 0x206A),
)
_SHOWN = {code: "\N{REPLACEMENT CHARACTER}" for code in _CONTROLS if chr(code) not in _HARMLESS}


class Voice:
    """Where a command's answer goes. With `as_json` it is one JSON document and nothing else on standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(highlight=False, soft_wrap=True)
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
        """One line for people; silent with `--json`. The text is printed as it is, but for what `harmless` replaces."""
        if not self.as_json:
            self.console.print(escape(harmless(text)), style=style)
            sys.stdout.flush()

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()) -> None:
        """Aligned columns without lines; those in `numbers` to the right.

        Cells may carry rich's markup; they lose what `harmless` replaces.
        """
        if self.as_json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
        for column in columns:
            table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(harmless, row))
        self.console.print(table)


def harmless(text: str) -> str:
    """Text of a stranger as a terminal may have it: no control character (but tab and newline), no turned direction.

    Each is shown as U+FFFD. rich's `escape` does not do this: it covers rich's own markup alone.
    """
    return text.translate(_SHOWN)


def marked(good: bool, text: str) -> str:
    """Text in the colour of good or bad, with a mark, so that it reads without colour, too."""
    return f"[{GOOD}]ok[/]   {escape(text)}" if good else f"[{BAD}]BAD[/]  {escape(text)}"


def progress_bar() -> Progress:
    """Shown on standard error, and only to a person: standard output is for the answer."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not console.is_terminal)
