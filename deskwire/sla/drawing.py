"""Charts of bars as SVG within a page, each with its table beside it: who cannot see the one reads the other."""

from __future__ import annotations

from collections.abc import Sequence

from deskwire.sla.bars import AXIS, THICK, WIDTH, Drawing, Look, Row, Unit, draw
from deskwire.sla.times import span_words
from shared.text.clusters import cut
from shared.text.lines import one_line
from shared.text.page import inline

LONGEST = 22
"""Characters of a label; the table has the whole of it."""


def chart(name: str, rows: Sequence[Row], unit: Unit) -> str:
    """A picture with a name that says what it shows."""
    drawn = draw(rows, unit)
    title = f"{name}; the same figures are in the table that follows."
    return (
        f'<svg viewBox="0 0 {WIDTH} {drawn.height:g}" role="img" aria-label="{inline(title)}">'
        f"{_lines(drawn, unit)}{_marks(drawn)}{_words(drawn)}</svg>\n"
    )


def legend(words: Sequence[tuple[Look, str]]) -> str:
    """What the colours mean, in words."""
    keys = " ".join(f'<span class="key {look.value}"></span> {inline(text)}' for look, text in words)
    return f'<p class="legend">{keys}</p>\n'


def _lines(drawn: Drawing, unit: Unit) -> str:
    return "".join(
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{AXIS - 6}" y2="{drawn.height:g}"/>'
        f'<text class="quiet" x="{x:.1f}" y="{AXIS - 10}" text-anchor="middle">{inline(_at(number, unit))}</text>'
        for x, number in drawn.lines
    )


def _marks(drawn: Drawing) -> str:
    return "".join(
        f'<rect class="{"field" if one.look is None else one.look.value}" x="{one.x:.1f}" y="{one.y:g}" '
        f'width="{one.width:.1f}" height="{THICK}"/>'
        for one in drawn.marks
    )


def _words(drawn: Drawing) -> str:
    labels = "".join(
        f'<text x="{one.x:g}" y="{one.y:g}" text-anchor="end" dominant-baseline="central">'
        f"<title>{inline(one.words)}</title>{inline(cut(one_line(one.words), LONGEST))}</text>"
        for one in drawn.labels
    )
    values = "".join(
        f'<text x="{one.x:.1f}" y="{one.y:g}" dominant-baseline="central">{inline(one.words)}</text>'
        for one in drawn.values
    )
    return labels + values


def _at(number: float, unit: Unit) -> str:
    if unit is Unit.PART:
        return f"{number:.0%}"
    return span_words(number) if unit is Unit.SECONDS else f"{number:g}"
