"""JSON as common senders write it: RFC 8259 to the letter, with what some of them put before and behind it.

A byte order mark, NULs, line ends, the end-of-file sign of DOS (0x1A), record separators (RFC 7464) and non-breaking
spaces around the document are left out, and UTF-16 and UTF-32 are read as what they
are (Windows PowerShell and C programs send such). What is between them is judged strictly: no NaN, no comments, no
number beyond a double, no lone surrogates, nothing after the document.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from shared.errors import Invalid

MAX_DEPTH = 64
"""Objects and lists within each other. MongoDB keeps 100 levels, and what is read stands a few levels deep there."""
AROUND = "\ufeff\0 \t\r\n\xa0\x1a\x1e"
_STEPS_SHOWN = 3
_Place = tuple[Any, ...]


def read_json(body: bytes) -> Any:
    """The value in the bytes. Raises Invalid (`bad-json`); the pointer names what is nested too deeply."""
    document = _read(body)
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        check_depth(document)
    return document


def check_depth(document: Any) -> None:
    """Raises Invalid (`bad-json`) where something is nested more than `MAX_DEPTH` deep; the pointer leads to it."""
    left: list[tuple[Any, _Place]] = [(document, ())]
    for _ in range(MAX_DEPTH):
        left = [(value, (place, name)) for outer, place in left for name, value in _inner(outer)]
    for value, place in left:
        if isinstance(value, dict | list):
            raise Invalid(f"is nested more than {MAX_DEPTH} deep", slug="bad-json", pointer=_pointer(place))


def _inner(outer: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(outer, dict):
        return outer.items()
    return enumerate(outer) if isinstance(outer, list) else ()


def _pointer(place: _Place) -> str:
    """The first steps of the way: they name the field, and the rest is as long as it is deep."""
    steps = list[str]()
    while place:
        place, name = place
        steps.append(str(name).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in reversed(steps[-_STEPS_SHOWN:]))


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        faults = [error]
    for text in _other_readings(body):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            faults.append(error)
    # What is wrong behind a byte order mark is said by the reading without it.
    raise Invalid(f"the body is not JSON: {faults[min(1, len(faults) - 1)]}", slug="bad-json")


def _other_readings(body: bytes) -> Iterator[str]:
    """The text without what stands around it, by the encodings that its first bytes speak for (RFC 4627, section 3)."""
    for encoding in dict.fromkeys(("utf-8", json.detect_encoding(body))):
        try:
            yield body.decode(encoding).strip(AROUND)
        except UnicodeDecodeError:
            continue
