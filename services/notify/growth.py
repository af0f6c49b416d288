"""How much text an operation of a template can make of its values, figured out before it is done.

The tables name what grows: operators, methods of text, filters. The sizes are upper bounds in characters; what grows
to something that no words need (numbers of thousands of digits, widths out of a value) raises SecurityError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any

from jinja2.exceptions import SecurityError

MOST_BITS = 10_000
"""Of a number that comes of a multiplication or a power."""
MOST_PLACES = 300
"""To which a number is rounded: a float has no more."""
_SEVERAL = 20

_NUMBER = re.compile(r"\d+")
_WIDTH_FROM_A_VALUE = re.compile(r"%[^A-Za-z%]*\*|:[^}]*\{")


def _length(value: Any) -> int:
    return len(value) if isinstance(value, Sized) else len(str(value))


def _formatted(pattern: Any, *values: Any) -> int:
    """The most that a pattern can make of its values, whether it is one of `%` or of `format`."""
    text = str(pattern)
    if _WIDTH_FROM_A_VALUE.search(text):
        raise SecurityError("a width must stand in the pattern itself")
    widest = max((int(digits[:9]) for digits in _NUMBER.findall(text)), default=0)
    places = text.count("%") + text.count("{")
    return len(text) + places * (widest + sum(len(str(value)) for value in values))


def _multiplied(left: Any, right: Any) -> int:
    if isinstance(left, int) and isinstance(right, int):
        return _number(left.bit_length() + right.bit_length())
    repeated, times = (right, left) if isinstance(left, int) else (left, right)
    return len(repeated) * times if isinstance(repeated, Sized) and isinstance(times, int) else 0


def _raised(left: Any, right: Any) -> int:
    return _number(left.bit_length() * right) if isinstance(left, int) and isinstance(right, int) else 0


def _number(bits: int) -> int:
    if bits > MOST_BITS:
        raise SecurityError(f"makes a number of more than {MOST_BITS} bits")
    return 0


def _added(left: Any, right: Any) -> int:
    return len(left) + len(right) if isinstance(left, Sized) and isinstance(right, Sized) else 0


def _padded(_text: Any, width: int = 80, *_: Any) -> int:
    return width


def _replaced(text: Any, _old: Any, new: Any, *_: Any) -> int:
    return (len(str(text)) + 1) * (len(str(new)) + 1)


def _indented(text: Any, width: Any = 4, *_: Any, **__: Any) -> int:
    size = width if isinstance(width, int) else len(str(width))
    return (len(str(text)) + 1) * (size + 1) if size > _SEVERAL else 0


def _wrapped(text: Any, width: int = 79, _long: Any = True, mark: Any = "", *_: Any, **__: Any) -> int:  # noqa: ARG001
    return len(str(text)) * (1 + len(str(mark or "")))


def _filled(_items: Any, places: int, *_: Any) -> int:
    return places * _SEVERAL


def _rounded(_value: Any, places: int = 0, *_: Any) -> int:
    if places > MOST_PLACES:
        raise SecurityError(f"rounds to more than {MOST_PLACES} places")
    return 0


def joined(between: Any, items: Iterable[Any]) -> int:
    return sum(_length(item) + len(str(between)) for item in items)


def _set_in(text: Any, indent: int | None = None) -> int:
    return len(str(text)) * (indent or 0)


OPERATORS: Mapping[str, Callable[[Any, Any], int]] = {
    "*": _multiplied,
    "**": _raised,
    "+": _added,
    "%": lambda left, right: _formatted(left, right) if isinstance(left, str | bytes) else 0,
}
METHODS: Mapping[str, Callable[..., int]] = {
    **dict.fromkeys(("center", "ljust", "rjust", "zfill"), _padded),
    "expandtabs": lambda text, tabsize=8: len(text) + text.count("\t") * tabsize,
    "replace": _replaced,
    "join": joined,
    "format": lambda text, *values, **named: _formatted(text, *values, *named.values()),
    "format_map": _formatted,
}
FILTERS: Mapping[str, Callable[..., int]] = {
    "center": _padded,
    "replace": _replaced,
    "indent": _indented,
    "wordwrap": _wrapped,
    "batch": _filled,
    "slice": _filled,
    "round": _rounded,
    "tojson": _set_in,
    "format": lambda text, *values, **named: _formatted(text, *values, *named.values()),
}
REFUSED = frozenset({"translate", "to_bytes"})
"""Methods whose result can be of any size, and that no words need."""
