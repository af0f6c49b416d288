"""A record of the log is one line, whatever it quotes, and says it unaltered to a reader of JSON."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings

from shared.logs import formatter
from shared.text.terminal import in_a_row
from tests.unit.text.scripts import texts
from tests.unit.text.strict_terminal import screen

FORGED = 'x\r\n{"event": "forged"}\x85forged\u2028forged \x1b[2J\x9b2J\u202e'


def line(fmt: str, message: Any, *, error: BaseException | None = None) -> str:
    """What stands in the log: of a house's record when it is a mapping, of a library's when it is text."""
    info = None if error is None else (type(error), error, None)
    record = logging.LogRecord("name", logging.INFO, "file.py", 1, message, None, info)
    if isinstance(message, dict):
        record._logger, record._name = logging.getLogger("x"), "info"
        if error is not None:
            message["exc_info"] = error
    return formatter("notify", fmt).format(record)


@settings(deadline=None)
@given(text=texts)
@example(text=FORGED)
def test_a_record_in_json_is_one_line_and_reads_as_it_was(text: str) -> None:
    written = line("json", {"event": text, "title": text, "labels": {text: [text]}})
    assert len(written.splitlines()) == 1
    assert screen(written) == [written]
    read = json.loads(written)
    assert (read["event"], read["title"], read["labels"]) == (text, text, {text: [text]})


@settings(deadline=None)
@given(text=texts)
@example(text=FORGED)
def test_a_librarys_record_and_an_error_in_json_are_one_line(text: str) -> None:
    for written in (line("json", text), line("json", {"event": "e"}, error=ValueError(text))):
        assert len(written.splitlines()) == 1
        assert screen(written) == [written]
    assert json.loads(line("json", text))["event"] == text


@pytest.mark.parametrize("value", [2**64, {1: 2**70}, {(1, 2): "\ud800"}, object(), float("nan"), b"\xff"])
def test_no_value_costs_the_record(value: Any) -> None:
    assert json.loads(line("json", {"event": "taken", "value": value}))["event"] == "taken"


@settings(deadline=None)
@given(text=texts)
@example(text=FORGED)
def test_a_record_for_people_is_one_line_that_no_terminal_obeys(text: str) -> None:
    for message in ({"event": text, "title": text, "labels": [text]}, text, {"event": ValueError(text)}):
        (shown,) = screen(line("text", message))
        assert in_a_row(text).rstrip() in shown


@settings(deadline=None)
@given(text=texts)
@example(text=FORGED)
def test_of_an_error_for_people_each_further_line_is_indented(text: str) -> None:
    _, *more = screen(line("text", {"event": "failed"}, error=ValueError(text)))
    assert more
    assert all(one.startswith("    ") for one in more)


def test_a_line_goes_to_standard_error_once(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter("notify", "json"))
    handler.handle(logging.LogRecord("name", logging.INFO, "file.py", 1, FORGED, None, None))
    assert json.loads(capsys.readouterr().err)["event"] == FORGED
