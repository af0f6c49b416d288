"""What the pages of sla are made of: one file that loads nothing, runs nothing, and prints.

Cells and bodies are HTML already: whoever makes one writes what it takes from a record by `shared.text.page`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from deskwire.sla.style import STYLE
from shared.text.page import inline

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A browser refuses whatever the page would load or run (Content Security Policy level 3)."""


def document(title: str, body: str, *, style: str = "") -> str:
    """The whole page; `title` is plain text, `style` is added to that of every page."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{inline(title)}</title>
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width"><style>{STYLE}{style}</style></head><body>
{body}</body></html>
"""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[str] = ()) -> str:
    """A table with a head where a column has a name; the columns of `numbers` stand to the right."""
    sides = [' class="number"' if column in numbers else "" for column in columns]
    head = "".join(f'<th scope="col"{side}>{column}</th>' for side, column in zip(sides, columns, strict=True))
    body = "".join(f"<tr>{_cells(row, sides)}</tr>\n" for row in rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if any(columns) else ''}\n<tbody>{body}</tbody></table>\n"


def _cells(row: Sequence[str], sides: Sequence[str]) -> str:
    return "".join(f"<td{side}>{cell}</td>" for side, cell in zip(sides, row, strict=True))
