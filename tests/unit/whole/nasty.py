"""Values that JSON allows and something behind it may not."""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from typing import Any

import orjson
from hypothesis import strategies as st
from marshmallow import Schema

NUMBERS = [0, -1, 1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 1e308, -0.0, 5e-324, 0.5]
TEXTS = [
    *[
        "",
        " ",
        "\0",
        "\u200b",
        "\ufeff",
        "a\nb",
        "a\x1b[2J",
        "\ufffe",
        "\U0010ffff",
        "e\u0301",
        "$where",
        "a.b",
        "%",
        ":",
    ],
    *["x" * 255, "x" * 256, "x" * 1001, "é" * 20_000, "true", "null", "-1", "INC0000001", "CHG0000001", "INC0000001\n"],
    *["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z"],
    *["2026-03-02T09:00:00Z", "2026-W10-1T09:00:00Z", "1969-12-31T23:59:59Z", "2026-03-02", "٢٠٢٦-03-02T09:00:00Z"],
    *["1 2026-13-40T99:99:99.000000+00:00", "0 9999-12-31T23:59:59.999999+00:00", "1 ٢٠٢٦-01-01T00:00:00.000000+00:00"],
    *["2026-99-99T99:99:99.999Z INC0000001", "9999-12-31T23:59:59.999Z INC0000001:resolution", "cases"],
    *["0001-01-01T00:00:00.000Z x", "cases 0001-01-01T00:00:00.000Z x", "2026-03-02T09:00:00.000Z DLV-" + "0" * 36],
    *[
        "P1",
        "P3",
        "critical",
        "high",
        "person",
        "private",
        "incident",
        "resolution",
        "main",
        "all",
        "user",
        "Europe/Stockholm",
    ],
    *["../../etc/passwd", "UTC\0", "a@b", "a@b@c"],
]


def nest(depth: int) -> Any:
    """A list in a list, `depth` deep."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


scalars = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.sampled_from(TEXTS) | st.text(max_size=5)
depths = st.sampled_from([60, 70, 150, 300, 1000]).map(nest)
values = st.recursive(
    scalars | depths,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TEXTS) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=4,
)


def field_names(module: str) -> list[str]:
    """The names of all fields that the schemas of a module know."""
    schemas = [one for _, one in inspect.getmembers(import_module(module), inspect.isclass) if issubclass(one, Schema)]
    return sorted({name for schema in schemas for name in schema().fields})


def dictionaries(names: list[str], **known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these names with any values; the known ones mostly with one that fits."""
    # One that is odd among others that fit gets farther than many.
    some = st.one_of(*(st.dictionaries(st.sampled_from(names), values, max_size=size) for size in (0, 1, 1, 3)))
    likely = st.fixed_dictionaries({}, optional=known)
    return st.tuples(some, likely).map(lambda pair: {**pair[0], **pair[1]})


def written(document: Any) -> bytes | None:
    """The document as JSON, whatever its numbers and depth; None where JSON cannot say it."""
    try:
        return orjson.dumps(document)
    except TypeError:
        return _by_hand(document).encode("utf-8", "surrogatepass")


def _by_hand(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_by_hand(str(name))}:{_by_hand(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        depth = 0
        while isinstance(value, list) and len(value) == 1:
            value, depth = value[0], depth + 1
        inside = ",".join(map(_by_hand, value)) if isinstance(value, list) else _by_hand(value)
        return "[" * depth + (f"[{inside}]" if isinstance(value, list) else inside) + "]" * depth
    return json.dumps(value, ensure_ascii=False)
