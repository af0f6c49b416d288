"""JSON as senders write it: what stands around a document is left out, and the document is judged strictly."""

from __future__ import annotations

import codecs
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.envelope import decode
from shared.errors import Invalid
from shared.json_reading import MAX_DEPTH, check_depth, read_json

EVENT = (
    '{"specversion": "1.0", "id": "1", "source": "/m", "type": "alert.firing", "time": "2026-03-02T09:00:00Z", '
    '"data": {"title": "Größe 试 🔥"}}'
)


@pytest.mark.parametrize(
    "body",
    [
        codecs.BOM_UTF8 + EVENT.encode(),
        b"\r\n\t " + EVENT.encode() + b"\r\n",
        EVENT.encode() + b"\0",
        EVENT.encode() + b"\n\0\0\0",
        b"\0" + EVENT.encode(),
        b"\n" + codecs.BOM_UTF8 + EVENT.encode() + b"\n",
        EVENT.encode("utf-16"),
        EVENT.encode("utf-16-le"),
        EVENT.encode("utf-16-be"),
        codecs.BOM_UTF16_BE + EVENT.encode("utf-16-be"),
        EVENT.encode("utf-32"),
        codecs.BOM_UTF32_BE + EVENT.encode("utf-32-be"),
        (EVENT + "\r\n\0").encode("utf-16"),
    ],
)
def test_bytes_around_an_event_and_other_encodings_of_unicode_do_not_keep_it_out(body: bytes) -> None:
    assert decode(body) == decode(EVENT.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        codecs.BOM_UTF8,
        codecs.BOM_UTF16_LE,
        b"\0\0\0",
        b"{} {}",
        b'{"a": 1}\0{"b": 2}',
        b'{"a": 1,}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b"// a\n{}",
        b'{"a": "\xe4"}',
        b'{"a": "\\ud800"}',
        EVENT.encode("utf-16")[:-1],
        b"+AHs-+AH0-",
    ],
)
def test_what_is_not_one_strict_document_is_bad_json(body: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read_json(body)
    assert caught.value.slug == "bad-json"
    assert caught.value.message.startswith("the body is not JSON: ")


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=3), inner, max_size=3),
)


@given(
    st.dictionaries(st.text(max_size=3, alphabet="ab"), values, max_size=3),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
    st.text("\0 \t\r\n", max_size=4),
)
def test_a_document_is_the_same_in_every_encoding_and_with_anything_behind_it(
    document: Any, encoding: str, behind: str
) -> None:
    text = json.dumps(document, ensure_ascii=False) + behind
    assert read_json(text.encode(encoding)) == document


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_bad_json(body: bytes) -> None:
    try:
        read_json(body)
    except Invalid as error:
        assert error.slug == "bad-json"


def nested(depth: int) -> bytes:
    return b'{"data": {"a/b": ' + b"[" * (depth - 2) + b"]" * (depth - 2) + b"}}"


def test_what_is_nested_too_deeply_is_named_and_what_is_just_not_is_taken() -> None:
    check_depth(read_json(nested(MAX_DEPTH)))
    with pytest.raises(Invalid) as caught:
        read_json(nested(MAX_DEPTH + 1))
    assert (caught.value.slug, caught.value.pointer) == ("bad-json", "/data/a~1b/0")


def test_a_broad_document_is_not_a_deep_one() -> None:
    assert len(read_json(orjson.dumps([{"a": [1]}] * 1000))) == 1000
