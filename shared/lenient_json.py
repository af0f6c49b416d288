"""JSON as some senders write it who do not know that it is not: read where a message must not be lost.

Lone surrogates become U+FFFD (Unicode's replacement character), what is no finite number becomes null, tabs and line
ends may stand in texts, bytes that are not UTF-8 are read as Windows writes them in Western Europe (cp1252), and what
is nested deeper than can be kept becomes null. What is no document at all stays none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from shared.json_reading import AROUND, MAX_DEPTH

_INSTEAD = "\ufffd"
_WHOLE = range(-(2**63), 2**64)
"""The whole numbers that orjson writes."""


def read_leniently(body: bytes) -> Any:
    """The value in the bytes, such as `shared.json_reading` could have read; None where there is none."""
    for text in _texts(body):
        try:
            document = json.loads(
                text.strip(AROUND), strict=False, parse_constant=_nothing, parse_float=_real, parse_int=_whole
            )
        except (ValueError, RecursionError):
            continue
        return _plain(document, MAX_DEPTH)
    return None


def _texts(body: bytes) -> Iterator[str]:
    for encoding in dict.fromkeys(("utf-8", json.detect_encoding(body))):
        try:
            yield body.decode(encoding)
        except UnicodeDecodeError:
            continue
    text = body.decode(errors="replace")
    broken, foreign = text.count(_INSTEAD), sum(not letter.isascii() for letter in text)
    # A text that was cut within a character has whole ones before it; one in another encoding hardly has any.
    yield text if foreign > 2 * broken else body.decode("cp1252", errors="replace")


def _plain(value: Any, depth: int) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict() | list() if depth == 0:
            return None
        case dict():
            return {_plain(name, depth): _plain(inner, depth - 1) for name, inner in value.items()}
        case list():
            return [_plain(inner, depth - 1) for inner in value]
    return value


def _nothing(_: str) -> None:
    return None


def _real(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _whole(text: str) -> int | float | None:
    # Python reads no more than some thousands of digits; more than these no double has.
    number = int(text) if len(text) < 400 else None
    if number is not None and number in _WHOLE:
        return number
    return _real(text)
