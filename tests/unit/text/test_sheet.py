"""A table that a spreadsheet opens: each text is one cell, read as it was meant, and run by nobody."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire.sla.tables import csv_of
from shared.text.lines import one_line
from tests.unit.text.scripts import texts


def read(content: str, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True))


def written(text: str) -> str:
    """How the text stands in a cell."""
    (_, (shown, number, nothing)) = read(csv_of(("team", "met", "mean"), [{"team": text, "met": -5, "mean": None}]))
    assert (number, nothing) == ("-5", "")
    return shown


@pytest.mark.parametrize(
    "first",
    ["=", "+", "-", "@", "＝", "＋", "－", "＠", "\u2060=", "\ufeff=", "\u00a0=", "\u200b@", "﹢", "\U00014647="],
)
def test_what_a_spreadsheet_would_run_stands_behind_an_apostrophe(first: str) -> None:
    assert written(f"{first}HYPERLINK()") == f"'{first}HYPERLINK()"


@pytest.mark.parametrize("first", ["\t", "\r", "\n", " ", "\r\n\t"])
def test_white_space_before_a_formula_hides_it_from_nobody(first: str) -> None:
    assert written(f"{first}=1+1") == "'=1+1"


@pytest.mark.parametrize("text", ["a=b", "a\u2060=", "'quoted'", 'say "no"', "中文", "🇩🇪", "1-2", "a,b;c\td"])
def test_other_text_stays(text: str) -> None:
    assert written(text) == one_line(text)


@settings(deadline=None)
@given(text=texts)
def test_a_cell_reads_as_the_text_in_one_line_and_never_begins_as_a_formula(text: str) -> None:
    shown = written(text)
    assert shown.removeprefix("'") == one_line(text).removeprefix("'")
    seen = [character for character in shown if unicodedata.category(character)[0] not in "CMZ"]
    assert not seen or unicodedata.normalize("NFKC", seen[0]) not in {*"=+-@"}


@settings(deadline=None)
@given(texts=st.lists(texts, max_size=4))
def test_the_head_and_the_rows_are_as_many_as_they_were(texts: list[str]) -> None:
    content = csv_of(("team",), [{"team": text} for text in texts])
    assert len(content.splitlines()) == content.count("\r\n") == len(texts) + 1
    assert [len(row) for row in read(content)] == [1] * (len(texts) + 1)


@settings(deadline=None)
@given(text=texts)
def test_no_other_separator_makes_a_cell_of_a_part(text: str) -> None:
    for separator in ";\t|":
        content = csv_of(("team",), [{"team": text}])
        assert [len(row) for row in read(content, separator)] == [1, 1]
