"""Text in a cell of a table that a spreadsheet opens: read as text, never run as a formula, never more than one cell.

RFC 4180 is what a CSV reader expects; OWASP, "CSV Injection", what a spreadsheet makes of it. Numbers are cells as they
are: only text comes from outside.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

from shared.text.lines import one_line

_RUN = frozenset("=+-@")
Value = str | int | float | None


def rows_of_csv(rows: Iterable[Sequence[Value]]) -> str:
    """CSV with CR LF at the end of each row; text stands in quotes, None is empty.

    The quotes hold a text together also in a spreadsheet whose locale parts cells at semicolons.
    """
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerows([cell(value) if isinstance(value, str) else value for value in row] for row in rows)
    return out.getvalue()


def cell(text: str) -> str:
    """The text in one line, behind a `'` where a spreadsheet would run it.

    That is where its first visible character is one of `= + - @`, or a form of them that is compatible with it
    (Unicode's NFKC: full-width, small, superscript).
    """
    line = one_line(text)
    return f"'{line}" if unicodedata.normalize("NFKC", _first_visible(line))[:1] in _RUN else line


def _first_visible(line: str) -> str:
    """Of none of the categories C (formats, and what Unicode has yet to assign), M (marks) and Z (spaces)."""
    return next((character for character in line if unicodedata.category(character)[0] not in "CMZ"), "")
