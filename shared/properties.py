"""Message properties that the AMQP library cannot read must not cost the connection, nor the others that it can.

py-amqp reads properties while it takes a message in. An id or a header that is not UTF-8, as a program in C passes
it on, or a header's time beyond the calendar raises there, and takes the connection and every message on it along,
again and again. Such a message's properties are read one by one here (AMQP 0-9-1, 4.2.5 and 4.2.6), each in a form
that can be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from struct import unpack_from
from typing import Any

from amqp import serialization

from shared.legible import encodable

Reader = Callable[[Any, int], tuple[dict[str, Any], int]]

BASIC = 60
"""The class of AMQP 0-9-1 whose methods carry messages."""
_FIELDS = (
    ("content_type", "s"),
    ("content_encoding", "s"),
    ("application_headers", "F"),
    ("delivery_mode", "B"),
    ("priority", "B"),
    ("correlation_id", "s"),
    ("reply_to", "s"),
    ("expiration", "s"),
    ("message_id", "s"),
    ("timestamp", "T"),
    ("type", "s"),
    ("user_id", "s"),
    ("app_id", "s"),
    ("cluster_id", "s"),
)
"""The properties in the order of their flags, from the highest bit down, with their types."""


def lenient(read: Reader) -> Reader:
    """`read`, but for what it cannot read: then whatever of it can be read one by one."""

    def attempt(buffer: Any, offset: int) -> tuple[dict[str, Any], int]:
        try:
            return read(buffer, offset)
        except Exception:
            return salvaged(bytes(buffer), offset), offset

    return attempt


def salvaged(buffer: bytes, offset: int) -> dict[str, Any]:
    """The properties that begin at `offset`, up to one whose length makes no sense. Raises nothing."""
    properties: dict[str, Any] = {}
    with suppress(Exception):
        (flags,) = unpack_from(">H", buffer, offset)
        offset += 2
        for index, (name, kind) in enumerate(_FIELDS):
            if flags & 0x8000 >> index:
                properties[name], offset = _value(kind, buffer, offset)
    return properties


def _value(kind: str, buffer: bytes, offset: int) -> tuple[Any, int]:
    read = _READERS.get(kind)
    if read is not None:
        return read(buffer, offset)
    # Every other type has a length of its own, and no value of it is beyond reading.
    return serialization._read_item(kind.encode() + buffer[offset : offset + 16], 0)[0], offset + _LENGTHS[kind]


def _short(buffer: bytes, offset: int) -> tuple[str, int]:
    end = offset + 1 + buffer[offset]
    return encodable(buffer[offset + 1 : end]), end


def _long(buffer: bytes, offset: int) -> tuple[str, int]:
    end = _end(buffer, offset)
    return encodable(buffer[offset + 4 : end]), end


def _seconds(buffer: bytes, offset: int) -> tuple[int, int]:
    """A time as the number that it is: only some of them are in the calendar."""
    return unpack_from(">Q", buffer, offset)[0], offset + 8


def _table(buffer: bytes, offset: int) -> tuple[dict[str, Any], int]:
    end = _end(buffer, offset)
    table: dict[str, Any] = {}
    offset += 4
    # Of a table that cannot be read further its beginning is kept: where it ends is known.
    with suppress(Exception):
        while offset < end:
            name, offset = _short(buffer, offset)
            table[name], offset = _item(buffer, offset)
    return table, end


def _array(buffer: bytes, offset: int) -> tuple[list[Any], int]:
    end = _end(buffer, offset)
    array: list[Any] = []
    offset += 4
    with suppress(Exception):
        while offset < end:
            value, offset = _item(buffer, offset)
            array.append(value)
    return array, end


def _item(buffer: bytes, offset: int) -> tuple[Any, int]:
    # RabbitMQ writes a number of 16 bits as `s`; short strings stand among the properties only.
    kind = "U" if buffer[offset] == ord("s") else chr(buffer[offset])
    return _value(kind, buffer, offset + 1)


def _end(buffer: bytes, offset: int) -> int:
    return offset + 4 + int(unpack_from(">I", buffer, offset)[0])


_READERS: Mapping[str, Callable[[bytes, int], tuple[Any, int]]] = {
    "s": _short,
    "S": _long,
    "x": _long,
    "T": _seconds,
    "F": _table,
    "A": _array,
}
_LENGTHS = {"b": 1, "B": 1, "t": 1, "U": 2, "u": 2, "I": 4, "i": 4, "f": 4, "L": 8, "l": 8, "d": 8, "D": 5, "V": 0}


def install() -> None:
    """Make py-amqp read leniently in this process."""
    serialization.PROPERTY_CLASSES[BASIC] = lenient(serialization.decode_properties_basic)
