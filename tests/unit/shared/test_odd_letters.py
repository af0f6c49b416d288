"""A letter of any making can be shown, sent back and removed like any other, and hides none."""

from __future__ import annotations

import struct
from typing import Any

import orjson
import pytest
from amqp import Message as AmqpMessage
from amqp import serialization
from hypothesis import given
from hypothesis import strategies as st

from shared.deadletter import DeadLetter, collapsed, dead_message, message_key, named, parse, read_trip
from shared.errors import Invalid, NotFound
from shared.legible import SHORT_BYTES, encodable, legible, short
from shared.properties import lenient, salvaged
from shared.publisher import _check
from shared.testing import make_instant

LONE = "\ud800"
texts = st.text(st.characters(codec=None, categories=None) | st.just(LONE) | st.sampled_from("\x00\x1b\u202e\n"))
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | texts
    | st.binary()
    | st.datetimes()
    | st.decimals(allow_nan=False)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts | st.binary(), inner), max_leaves=8
)
OURS = ("x-attempt", "x-replays", "x-first-failed-at", "x-sender", "x-queue", "x-reason", "x-error", "x-pointer")
deaths = values | st.lists(
    st.dictionaries(st.sampled_from(["reason", "queue", "count", "exchange"]), values), max_size=2
)
headers = st.fixed_dictionaries({}, optional={**dict.fromkeys(OURS, values), "x-death": deaths})
properties = st.fixed_dictionaries(
    {},
    optional={
        "message_id": texts | st.binary(),
        "content_type": texts,
        "user_id": texts,
        "application_headers": headers | values,
        "timestamp": st.integers(),
    },
)


def make_letter(**overrides: Any) -> DeadLetter:
    body = overrides.pop("body", b"{}")
    return parse("incident", body, {"message_id": "m1", **overrides})


def assert_can_be_shown(letter: DeadLetter) -> None:
    shown = (letter.message_id, letter.reason, letter.error, letter.pointer, letter.queue, letter.sender)
    for text in (*shown, letter.first_failed_at, letter.content_type):
        (text or "").encode()
    assert letter.message_id
    assert letter.message_id.isprintable()
    assert isinstance(letter.attempts, int)


@given(st.binary(), properties)
def test_any_letter_can_be_shown_sorted_and_sent_back(body: bytes, odd: dict[str, Any]) -> None:
    letter = parse("incident", body, odd)
    assert_can_be_shown(letter)
    assert named([letter, make_letter(body=b"other")], letter.key) == [letter]
    trip = read_trip(body=body, queue="q", exchange="", properties=odd)
    message = dead_message(trip, "incident", "invalid", ValueError(LONE), make_instant())
    _check(message)
    orjson.dumps(dict(message.headers))
    assert trip.identity == letter.message_id
    assert parse("incident", body, {"message_id": letter.message_id}).key == letter.key


@given(texts | st.binary())
def test_a_name_is_legible_once_and_for_all_and_fits(value: str | bytes) -> None:
    text = short(value)
    assert text.isprintable()
    assert len(text.encode()) <= SHORT_BYTES
    assert short(text) == text == legible(text)
    encodable(value).encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("\ud800", r"\ud800"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        (b"st\xf6rung", r"st\xf6rung"),
        ("a\x00\x1b[2Jb", r"a\x00\x1b[2Jb"),
        ("Störung 🔥", "Störung 🔥"),
        ("ab\u202ecd", r"ab\u202ecd"),
    ],
)
def test_what_cannot_be_shown_has_a_visible_stand_in(value: Any, expected: str) -> None:
    assert legible(value) == expected


def frame(**properties: Any) -> bytes:
    return AmqpMessage(b"", **properties)._serialize_properties()


READ = lenient(serialization.decode_properties_basic)
BROKEN_ID = {"message_id": b"\xff\xfe"}
DEATH = {"x-death": [{"reason": "delivery_limit", "queue": "incident.intake.normal.v1", "count": 21, "exchange": "x"}]}


@pytest.mark.parametrize(
    "odd",
    [{}, {b"st\xf6rung": 1}, {"text": b"\xff"}, {"nested": {"deep": [{"deeper": b"\xfe"}]}}, {"n": -(2**40)}],
    ids=str,
)
def test_a_property_that_cannot_be_read_leaves_the_others(odd: dict[Any, Any]) -> None:
    buffer = frame(**BROKEN_ID, user_id="monitor", content_type="text/x", application_headers={**odd, **DEATH})
    read, _ = READ(buffer, 0)
    letter = parse("incident", b"{}", read)
    assert (letter.message_id, letter.sender, letter.content_type) == (r"\xff\xfe", "monitor", "text/x")
    assert (letter.reason, letter.queue, letter.attempts) == ("delivery-limit", "incident.intake.normal.v1", 21)


@pytest.mark.parametrize("seconds", [2**63, 2**64 - 1, 1_750_000_000_000_000])
def test_a_time_beyond_the_calendar_is_a_number_and_costs_no_other_header(seconds: int) -> None:
    placed = frame(application_headers={"when": make_instant("2026-03-02T00:00:00Z"), **DEATH})
    good = struct.pack(">Q", 1772409600)
    assert good in placed
    read, _ = READ(placed.replace(good, struct.pack(">Q", seconds)), 0)
    assert read["application_headers"]["when"] == seconds
    assert parse("incident", b"{}", read).queue == "incident.intake.normal.v1"


def test_of_a_table_that_cannot_be_read_further_the_beginning_is_kept() -> None:
    buffer = frame(application_headers={"first": "a", "odd": "b", "last": "c"}, message_id="m1")
    read = salvaged(buffer.replace(b"\x03oddS", b"\x03odd?"), 0)
    assert read == {"application_headers": {"first": "a"}, "message_id": "m1"}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_as_properties_of_some_kind(buffer: bytes) -> None:
    assert_can_be_shown(parse("incident", b"{}", salvaged(buffer, 0)))


plain = st.integers(-(2**62), 2**62) | st.booleans() | st.text() | st.decimals(-1000, 1000, places=2) | st.none()


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner), max_leaves=6),
        max_size=5,
    )
)
def test_what_the_library_can_read_is_read_the_same(table: dict[str, Any]) -> None:
    buffer = frame(application_headers=table, message_id="m1", priority=3, timestamp=None, reply_to="r")
    try:
        read, _ = serialization.decode_properties_basic(buffer, 0)
    except ValueError:
        return
    assert salvaged(buffer, 0) == read


def test_letters_that_are_copies_are_one_with_the_highest_attempts() -> None:
    letters = [make_letter(application_headers={"x-attempt": attempt}) for attempt in (2, 8, 3)]
    (letter,) = collapsed(letters)
    assert (letter.attempts, letter.copies) == (8, 3)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([b"{", b"[]", b'{"id": "1", "source": "/a"}']))))
def test_no_letter_hides_another(drawn: list[tuple[str, bytes]]) -> None:
    letters = [make_letter(message_id=identity, body=body) for identity, body in drawn]
    shown = collapsed(letters)
    assert {letter.body for letter in shown} == {body for _, body in drawn}
    assert sum(letter.copies for letter in shown) == len(letters)


def test_letters_without_an_id_that_begin_alike_are_told_apart() -> None:
    letters = [make_letter(message_id=None, body=b"x" * 5000 + end) for end in (b"1", b"2")]
    assert len({letter.message_id for letter in letters}) == len(collapsed(letters)) == 2


def test_an_event_is_known_by_source_and_id_whatever_the_message_is_called() -> None:
    body = b'{"id": "1", "source": "/monitor"}'
    assert message_key("a", body) == message_key("b", body)
    assert message_key("a", b"{") != message_key("b", b"{")
    assert message_key("a", body) != message_key("a", body + b" ")


def test_a_name_that_several_letters_share_is_refused_with_their_keys() -> None:
    letters = [make_letter(body=b"1"), make_letter(body=b"2"), make_letter(body=b"2")]
    with pytest.raises(Invalid, match=letters[0].key) as caught:
        named(letters, "m1")
    assert caught.value.slug == "ambiguous-letter"
    assert named(letters, letters[1].key) == letters[1:]
    with pytest.raises(NotFound):
        named(letters, "m2")
