"""The envelope: what goes in comes out, and what is wrong is named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import format_instant, to_milliseconds
from shared.envelope import MAX_BYTES, Envelope, Lane, decode, encode
from shared.errors import Invalid
from shared.testing import make_envelope, make_instant

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
instants = st.datetimes(datetime(1, 1, 2), timezones=st.just(UTC)).map(to_milliseconds)  # noqa: DTZ001
envelopes = st.builds(
    Envelope,
    id=texts,
    source=texts,
    type=texts,
    time=instants,
    data=st.dictionaries(texts, plain, max_size=4),
    subject=st.none() | texts,
    sequence=st.none() | st.integers(0, 2**40),
    correlationid=st.none() | texts,
    causationid=st.none() | texts,
    traceparent=st.none() | texts,
    hops=st.integers(0, 100),
    lane=st.sampled_from(Lane),
    backfill=st.booleans(),
    restricted=st.booleans(),
)


def make_body(**overrides: Any) -> bytes:
    fields = {"specversion": "1.0", "id": "1", "source": "/m", "type": "alert.firing", "data": {}}
    return orjson.dumps({**fields, "time": "2026-03-02T09:00:00Z", **overrides})


def without(name: str) -> bytes:
    document = orjson.loads(make_body())
    del document[name]
    return orjson.dumps(document)


def judge(body: bytes, **options: Any) -> Invalid | None:
    try:
        decode(body, **options)
    except Invalid as error:
        return error
    return None


def fault_of(body: bytes, **options: Any) -> Invalid:
    fault = judge(body, **options)
    assert fault is not None
    return fault


@given(envelopes)
def test_what_is_encoded_is_decoded_as_it_was(envelope: Envelope) -> None:
    assert decode(encode(envelope)) == envelope


@given(st.binary(max_size=300) | plain.map(orjson.dumps))
def test_any_bytes_are_an_event_or_invalid(body: bytes) -> None:
    fault = judge(body)
    assert fault is None or fault.slug in ("bad-json", "bad-envelope")


ATTRIBUTES = [name for name in orjson.loads(encode(make_envelope(subject="s", sequence=1))) if name != "data"]


@given(st.sampled_from(ATTRIBUTES), plain)
def test_any_value_of_an_attribute_is_taken_or_named(name: str, value: Any) -> None:
    fault = judge(make_body(**{name: value}))
    assert fault is None or (fault.slug, fault.pointer) == ("bad-envelope", f"/{name}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("specversion", 1.0),
        ("id", ""),
        ("id", 7),
        ("id", "x" * 256),
        ("source", None),
        ("type", []),
        ("subject", ""),
        ("time", "yesterday"),
        ("time", "2026-03-02T09:00:00"),
        ("time", 1_700_000_000),
        ("time", "0001-01-01T00:00:00+10:00"),
        ("time", "9999-12-31T23:59:59-10:00"),
        ("data", [1]),
        ("data", "text"),
        ("lane", "express"),
        ("lane", None),
        ("hops", -1),
        ("hops", True),
        ("hops", 1.5),
        ("sequence", "-1"),
        ("sequence", "٣"),
        ("sequence", "1" * 16),
        ("backfill", "true"),
        ("restricted", 1),
        ("correlationid", ""),
        ("causationid", 5),
        ("traceparent", "x" * 256),
    ],
)
def test_a_bad_attribute_is_named_by_its_pointer(name: str, value: Any) -> None:
    fault = fault_of(make_body(**{name: value}))
    assert (fault.slug, fault.pointer) == ("bad-envelope", f"/{name}")


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "time", "data"])
def test_a_missing_attribute_is_named_by_its_pointer(name: str) -> None:
    assert fault_of(without(name)).pointer == f"/{name}"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b'{"data": NaN}', b'{"data": Infinity}', b'{"id": "\\ud800"}', b"{'a': 1}", b"[" * 5000],
)
def test_what_is_not_strict_json_is_said_to_be_bad_json(body: bytes) -> None:
    assert fault_of(body).slug == "bad-json"


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"'])
def test_json_that_is_no_object_is_no_envelope(body: bytes) -> None:
    assert fault_of(body).slug == "bad-envelope"


def test_a_type_marker_of_a_library_in_the_payload_is_plain_data() -> None:
    marked = {"__type__": "nope", "__value__": 1, "py/object": "os.system", "$ref": "#/"}
    assert decode(make_body(data={"labels": marked})).data == {"labels": marked}


def test_a_body_over_the_limit_is_oversized_and_one_at_the_limit_is_not() -> None:
    room = MAX_BYTES - len(make_body(data={"text": ""}))
    assert decode(make_body(data={"text": "x" * room})).id == "1"
    assert fault_of(make_body(data={"text": "x" * (room + 1)})).slug == "oversized"
    assert fault_of(make_body(), max_bytes=10).slug == "oversized"


@pytest.mark.parametrize(("written", "read"), [("42", 42), (42, 42), ("007", 7), (0, 0), (None, None)])
def test_a_sequence_is_taken_as_text_and_as_a_number(written: Any, read: int | None) -> None:
    assert decode(make_body(sequence=written)).sequence == read


def test_without_lane_hops_and_flags_an_event_is_normal_new_live_and_open() -> None:
    envelope = decode(make_body())
    assert (envelope.lane, envelope.hops) == (Lane.NORMAL, 0)
    assert (envelope.backfill, envelope.restricted) == (False, False)


@pytest.mark.parametrize("lane", Lane)
def test_a_lane_is_read_by_its_label(lane: Lane) -> None:
    assert Lane.parse(lane.label) is lane


def test_lanes_are_served_urgent_first() -> None:
    assert [lane.label for lane in sorted(Lane)] == ["urgent", "normal", "bulk"]


def test_unknown_attributes_are_ignored() -> None:
    assert decode(make_body(comexampleother={"a": [1]})) == decode(make_body())


def test_the_sender_comes_from_the_broker_and_never_from_or_into_the_body() -> None:
    envelope = decode(make_body(sender="root"), sender="monitor")
    assert envelope.sender == "monitor"
    assert b"monitor" not in encode(envelope)
    assert decode(make_body(sender="root")).sender is None


def test_the_time_travels_in_utc_with_milliseconds() -> None:
    body = orjson.loads(encode(make_envelope(time=make_instant("2026-03-29T03:30:00.123456+02:00"))))
    assert body["time"] == "2026-03-29T01:30:00.123Z" == format_instant(make_instant("2026-03-29T01:30:00.123999Z"))


@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_what_breaks_the_envelope_is_not_encoded_either(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        encode(make_envelope(**{name: ""}))
    assert caught.value.pointer == f"/{name}"
