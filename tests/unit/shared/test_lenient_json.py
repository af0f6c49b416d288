"""Alerts as senders write them who do not write JSON to the letter: they are read all the same, and that is told."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.envelope import Envelope
from shared.errors import Invalid
from shared.intake import read
from shared.lenient_json import read_leniently
from shared.testing import make_instant

NOW = make_instant()


def body(title: bytes = b"disk", more: bytes = b"", type_: bytes = b"alert.firing") -> bytes:
    start = b'{"specversion": "1.0", "id": "1", "source": "/m", "time": "2026-03-02T08:00:00Z", "type": "' + type_
    return start + b'", "data": {"dedup_key": "a", "title": "' + title + b'"' + more + b"}}"


def taken(message: bytes) -> Envelope:
    envelope = read(message, NOW)
    assert list(envelope.adjusted) == ["body"]
    orjson.dumps(envelope.data)
    return envelope


@pytest.mark.parametrize(
    ("title", "read_as"),
    [
        (b"disk \\ud83d", "disk \ufffd"),
        (b"\\ude00 disk", "\ufffd disk"),
        ("Größe".encode("cp1252"), "Größe"),
        ("“disk” – 97 €".encode("cp1252"), "“disk” – 97 €"),
        (b"a\tb\nc\x1bd", "a\tb\nc\x1bd"),
        ("Größe 97 % übe".encode() + b"\xc3", "Größe 97 % übe\ufffd"),
    ],
)
def test_a_title_that_is_not_json_to_the_letter_is_read(title: bytes, read_as: str) -> None:
    assert taken(body(title)).data["title"] == read_as
    with pytest.raises(Invalid) as caught:
        read(body(title, type_=b"ticket.submitted"), NOW)
    assert caught.value.slug == "bad-json"


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"])
def test_what_is_no_number_is_none(number: bytes) -> None:
    assert taken(body(more=b', "value": ' + number)).data["value"] is None


def test_whole_numbers_stay_such_as_can_be_kept() -> None:
    data = taken(body(more=b', "a": NaN, "b": 5, "c": ' + b"9" * 40 + b', "d": ' + b"9" * 400)).data
    assert (data["b"], data["c"], data["d"]) == (5, 1e40, None)


def test_half_a_character_in_a_field_that_nobody_reads_keeps_nothing_out() -> None:
    data = taken(body(more=b', "more": [{"\\ud83d": "\\ud83d"}]')).data
    assert (data["title"], data["more"]) == ("disk", [{"\ufffd": "\ufffd"}])


@pytest.mark.parametrize("depth", [63, 64, 70, 500])
def test_what_is_nested_too_deeply_is_pruned(depth: int) -> None:
    data = taken(body(more=b', "more": ' + b"[" * depth + b"]" * depth)).data
    assert json.dumps(data["more"]).count("[") == 62


@pytest.mark.parametrize(
    "message", [body() + b"\x1a", b"\x1e" + body() + b"\n", b"\xc2\xa0" + body(), body() + b"\0\x1a\r\n"]
)
@pytest.mark.parametrize("type_", [b"alert.firing", b"ticket.submitted"])
def test_what_files_and_sequences_put_around_a_message_is_left_out(message: bytes, type_: bytes) -> None:
    assert read(message.replace(b"alert.firing", type_), NOW).adjusted == {}


def test_a_non_breaking_space_of_windows_before_an_alert_is_left_out() -> None:
    assert taken(b"\xa0" + body()).data["title"] == "disk"


@pytest.mark.parametrize(
    "message", [b"", b"{", body()[:-1], body() + body(), b"NaN", b'"alert.firing"', body(more=b', "a": ' + b"[" * 9000)]
)
def test_what_is_no_event_at_all_is_refused(message: bytes) -> None:
    with pytest.raises(Invalid):
        read(message, NOW)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_that_can_be_written_or_none(content: bytes) -> None:
    orjson.dumps(read_leniently(content))


values: Any = st.recursive(
    st.none() | st.floats() | st.integers() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=3), inner),
)


@given(values, st.sampled_from(["utf-8", "utf-16", "cp1252"]))
def test_whatever_python_writes_can_be_read_and_written(value: Any, encoding: str) -> None:
    orjson.dumps(read_leniently(json.dumps({"a": value}).encode(encoding)))
