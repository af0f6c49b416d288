"""Text of foreign making as people and databases can take it: what cannot be shown has a stand-in that can.

AMQP carries bytes where it says text: half a character, a lone surrogate (which UTF-8 forbids, RFC 3629), a NUL. Such
text cannot be written to a database, a terminal or an argument of a command.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

SHORT_BYTES = 255
"""What a short string of AMQP 0-9-1 holds."""
_TAIL = 17


def encodable(value: Any) -> str:
    """A value of any type as text that UTF-8 can carry: `\\ud800` stands for a lone surrogate."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str(value).encode(errors="backslashreplace").decode()


def legible(value: Any) -> str:
    """A name as a person can read and type it: each character that is not printable is shown as `\\x1b` or `\\u202e`.

    What is printable stays as it is, so that a legible name is its own legible form.
    """
    text = encodable(value)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def short(value: Any) -> str:
    """A legible name that fits a short string of AMQP; of a longer one the start, and a digest of the whole."""
    text = legible(value)
    encoded = text.encode()
    if len(encoded) <= SHORT_BYTES:
        return text
    digest = sha256(encoded).hexdigest()[: _TAIL - 1]
    return f"{encoded[: SHORT_BYTES - _TAIL].decode(errors='ignore')}~{digest}"
