"""Values of settings files: what is written is what is meant, and a small file is little work."""

from __future__ import annotations

import math
from time import process_time
from typing import Any

import pytest
from marshmallow import Schema, fields

from shared.config import SettingsError
from shared.settings_file import MOST_BYTES, parse


class Anything(Schema):
    value = fields.Raw(allow_none=True)
    values = fields.Raw()
    flag = fields.Boolean()
    number = fields.Integer(strict=True)


def value(text: str) -> Any:
    return parse(f"value: {text}\n", Anything(), name="some.yaml")["value"]


def faults(text: str) -> str:
    started = process_time()
    with pytest.raises(SettingsError) as caught:
        parse(text, Anything(), name="some.yaml")
    assert process_time() - started < 8
    return caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        *("no", "No", "NO", "yes", "on", "off", "Off", "y", "n", "tRUE", "nUll", "NaN", "inf", "Infinity"),
        *("12:30", "1:2.5", "59:59:59", "0010", "-007", "08", "1_000", "0b11", "0x", "0o8", "1e", ".", "+", "="),
        *("2026-03-02", "2026-03-02T09:00:00Z", "१२", "1.2.3"),
    ],
)
def test_what_is_neither_number_nor_boolean_by_the_core_schema_stays_text(text: str) -> None:
    assert value(text) == text
    assert value(f"[{text}]") == [text]
    assert parse(f"values: {{{text}: 1}}\n", Anything(), name="some.yaml")["values"] == {text: 1}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *(("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False)),
        *(("null", None), ("Null", None), ("~", None), ("", None)),
        *(("0", 0), ("-0", 0), ("+12", 12), ("750", 750), ("0x1F", 31), ("0o17", 15)),
        *(("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("-1.5E-2", -0.015), ("1.e2", 100.0)),
        *((".inf", math.inf), ("-.INF", -math.inf), ("!!int 12", 12), ("!!float 12", 12.0), ("!!str 12", "12")),
    ],
)
def test_numbers_booleans_and_nothing_are_those_of_the_core_schema(text: str, meant: object) -> None:
    assert (value(text), type(value(text))) == (meant, type(meant))


def test_a_file_with_the_booleans_of_old_still_says_them_where_nothing_but_a_boolean_can_stand() -> None:
    assert parse("flag: yes\n", Anything(), name="some.yaml") == {"flag": True}
    assert parse("flag: off\n", Anything(), name="some.yaml") == {"flag": False}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("!!int 59:59", "'59:59' is no number"),
        ("!!int 0777", "'0777' is no number"),
        ("!!float 1:2.5", "'1:2.5' is no number"),
        ("!!bool no", "'no' is neither true nor false"),
        ("!!int [1]", "is not YAML"),
        ("9" * 5000, "a number has more than 100 digits"),
        ("0x" + "f" * 5000, "a number has more than 100 digits"),
        ("!!int " + "59:" * 100_000 + "59", "a number has more than 100 digits"),
    ],
)
def test_a_wrong_number_is_named_with_its_line(text: str, fault: str) -> None:
    message = faults(f"flag: true\nvalue: {text}\n")
    assert fault in message
    assert "line 2" in message


def test_a_number_of_sixtieths_is_read_as_the_text_that_it_is() -> None:
    started = process_time()
    text = "59:" * 100_000 + "59"
    assert value(text) == text
    assert process_time() - started < 8


def layers(form: str) -> str:
    lines = ["a0: &a0 {x: 1}"]
    for layer in range(1, 9):
        lines.append(f"a{layer}: &a{layer} " + form.replace("ALL", ", ".join([f"*a{layer - 1}"] * 10)))
    return "values:\n  " + "\n  ".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        layers("{<<: [ALL]}"),
        layers("[ALL]"),
        layers("{x: [ALL]}"),
        "values:\n  a: &a [" + "x, " * 3000 + "]\n  b: [" + "*a, " * 3000 + "]\n",
        "values: [" + "x, " * 200_000 + "]\n",
    ],
)
def test_a_file_of_too_many_values_is_refused_before_anything_is_made_of_them(text: str) -> None:
    message = faults(text)
    assert "there are more than 100000 values, with what aliases repeat" in message
    assert "line " in message


@pytest.mark.parametrize("text", ["value: &a [*a]", "value: &a {x: {y: *a}}", "value: &a {<<: *a}"])
def test_a_value_that_holds_itself_is_refused(text: str) -> None:
    assert "an alias stands within what it stands for" in faults(text)


def test_aliases_and_merges_repeat_what_they_stand_for() -> None:
    text = "values:\n  a: &a {x: 1, y: 2}\n  b: {<<: *a, y: 3}\n  c: *a\n"
    assert parse(text, Anything(), name="some.yaml")["values"] == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": {"x": 1, "y": 2},
    }


def test_a_file_of_nothing_but_faults_is_little_work() -> None:
    text = "".join(f"a{number}: 1\n" for number in range(45_000))
    assert len(text) < MOST_BYTES
    assert faults(text).count("Unknown field") == 45_000
