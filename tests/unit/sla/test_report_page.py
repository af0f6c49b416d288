"""`deskwire sla report --html`: one page that loads nothing, with a table beside each chart."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from deskwire.cli import cli
from deskwire.sla.report_page import MOST
from tests.unit.sla.calls import connect
from tests.unit.sla.factories import HOUR, MONDAY, SlaInMemory, make_event
from tests.unit.sla.lives import life

HOSTILE = "\"></text></svg><script>alert(1)</script><b onload='x'>&"


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> SlaInMemory:
    """A desk with a breach, a running record and an outage, all of names that would be markup."""
    sla = SlaInMemory()
    hostile = {"team": HOSTILE, "service": HOSTILE, "organisation": HOSTILE}
    sla.take(*life(), make_event(data={**hostile, "number": "INC0000002", "outage": True}))
    sla.take(make_event(2, MONDAY + 9 * HOUR, data={**hostile, "number": "INC0000002", "outage": True}))
    sla.clock.advance(timedelta(days=2))
    connect(monkeypatch, sla)
    return sla


def write(folder: Path, *words: str) -> str:
    file = folder / "report.html"
    words = ("sla", "report", "--zone", "Europe/Berlin", "--html", str(file), *words)
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    assert result.exception is None, result.exception
    assert result.output == f"{file} is written.\n"
    return file.read_text()


class Balance(HTMLParser):
    """Whether each element that is opened is closed in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """A mark of a picture has no end of its own."""


@pytest.mark.parametrize("by", ["priority", "team", "service", "organisation", "level"])
def test_no_text_of_a_record_becomes_markup_and_nothing_is_loaded(desk: SlaInMemory, tmp_path: Path, by: str) -> None:
    text = write(tmp_path, "--by", by, "--from", "2026-03-01")
    assert not any(word in text for word in ("<script", "<b onload", "http://", "https://", "src=", "@import", "url("))
    assert "default-src 'none'" in text
    balance = Balance()
    balance.feed(text)
    assert balance.open == []


def test_every_chart_has_a_name_and_a_table_beside_it(desk: SlaInMemory, tmp_path: Path) -> None:
    text = write(tmp_path, "--by", "team", "--from", "2026-03-01")
    pairs = text.split('<div class="pair">')[1:]
    assert len(pairs) == 10
    assert all(re.match(r'<svg [^>]*role="img" aria-label="[^"]+">', pair) and "<table>" in pair for pair in pairs)
    for title in ("Attainment", "MTTA", "MTTR", "Causes of breaches", "Backlog", "Downtime by service"):
        assert title in text


def test_the_page_has_the_figures_of_the_tables_and_the_readers_time(desk: SlaInMemory, tmp_path: Path) -> None:
    text = write(tmp_path, "--from", "2026-03-01")
    assert "since 2026-03-01 00:00:00 +01:00" in text
    assert "<li><b>4</b>clocks</li>" in text
    assert '<td class="number">0.0 %</td>' in text


def test_a_period_without_clocks_says_so_and_draws_nothing(desk: SlaInMemory, tmp_path: Path) -> None:
    text = write(tmp_path, "--to", "2026-01-01")
    assert "<svg" not in text
    assert "Nothing was breached." in text


def test_of_very_many_groups_the_chart_has_the_first_and_the_table_all(desk: SlaInMemory, tmp_path: Path) -> None:
    for number in range(MOST + 5):
        who = {"number": f"INC{number + 10:07d}", "team": f"team-{number}"}
        desk.take(make_event(data=who), make_event(2, MONDAY + HOUR, data={**who, "state": "resolved"}))
    resolution = write(tmp_path, "--by", "team").split("Resolution: part in time by team</h3>")[1]
    drawn, table = resolution.split("</svg>")[:2]
    assert drawn.count('text-anchor="end"') == MOST
    assert table.split("</table>")[0].count("<tr><td>") == MOST + 7
    assert f"the first {MOST} of" in table
