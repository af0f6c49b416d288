"""Message properties that the AMQP library cannot read must not cost the connection.

py-amqp reads properties while it takes a message in. An id or a header that is not UTF-8, as a program in C passes
it on, or a header's time beyond the calendar raises there, and takes the connection and every message on it along,
again and again. A message whose properties cannot be read arrives without any: its body says all that we need.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amqp import serialization

Reader = Callable[[Any, int], tuple[dict[str, Any], int]]

BASIC = 60
"""The class of AMQP 0-9-1 whose methods carry messages."""


def lenient(read: Reader) -> Reader:
    """`read`, but for what it cannot read: no properties then."""

    def attempt(buffer: Any, offset: int) -> tuple[dict[str, Any], int]:
        try:
            return read(buffer, offset)
        except Exception:
            return {}, offset

    return attempt


def install() -> None:
    """Make py-amqp read leniently in this process."""
    serialization.PROPERTY_CLASSES[BASIC] = lenient(serialization.decode_properties_basic)
