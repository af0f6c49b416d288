"""Text in a header of a mail: encoded-words (RFC 2047) and folded lines (RFC 5322), written here to the letter.

Python's own way into a header decodes encoded-words that a stranger wrote, and splits those it writes beyond 75
characters (seen with 3.11). So a value is written once, and `AsWritten` lets no library read it again.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from email.policy import EmailPolicy
from typing import Any

from shared.text.clusters import clusters
from shared.text.lines import one_line
from shared.text.tokens import token

LINE = 78
"""RFC 5322, 2.1.1: characters of a line that may not be longer than 998."""
WORD, WORD_LINE = 75, 76
"""RFC 2047, 2: characters of an encoded-word, and of a line that holds one."""
FOLD = "\r\n "
_FRAME = len("=?utf-8?q??=")
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
"""RFC 2047, 5 (3): what may stand for itself anywhere in a header."""
_EMPTY = re.compile(r"(?<![A-Za-z0-9_-])\.|\.(?![A-Za-z0-9_-])")
"""A dot with no word on one of its sides."""


class AsWritten(EmailPolicy):
    """A policy of messages whose headers are on the wire as they were set: neither read, nor encoded, nor folded.

    A value that is more than one header raises ValueError. Bodies are plain ASCII, by the encoding that Python picks:
    no server needs to know of 8BITMIME (RFC 6152).
    """

    def __init__(self, **options: Any) -> None:
        # RFC 2045, 6.7 and 6.8: encoded lines have at most 76 characters; Python takes this for the limit of a body.
        super().__init__(**{"linesep": "\r\n", "cte_type": "7bit", "max_line_length": WORD_LINE, **options})

    def header_store_parse(self, name: str, value: Any) -> tuple[str, str]:
        if not all(line.isprintable() and (not place or line.strip()) for place, line in enumerate(value.split(FOLD))):
            raise ValueError(f"{value!r} is more than the value of {name}")
        return name, value

    def header_fetch_parse(self, _name: str, value: Any) -> Any:
        return value

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode()


def free_text(name: str, text: str) -> str:
    """The value of the header `name` that reads as `one_line` of the text; an encoded-word in it is read as it stands.

    ASCII only. No line is longer than 78 characters, no encoded-word than 75; each of these holds whole characters,
    and whole clusters where they fit.
    """
    line = one_line(text)
    room = len(name) + len(": ")
    plain = _folded(line, room) if line.isascii() and "=?" not in line and "  " not in line else None
    return FOLD.join(_encoded_words(line, min(WORD, WORD_LINE - room))) if plain is None else plain


def local_part(text: str) -> str:
    """The text as the left side of a Message-ID (RFC 5322, 3.6.4): what may not stand there is a hyphen."""
    return _EMPTY.sub("-", token(text))


def _folded(line: str, room: int) -> str | None:
    """The line broken at spaces, the first `room` characters shorter; None when a word is too long for that."""
    lines, free = [""], LINE - room
    for place, word in enumerate(line.split(" ")):
        if place and len(lines[-1]) + 1 + len(word) > free:
            lines, free = [*lines, word], LINE - 1
        else:
            lines[-1] += f" {word}" if place else word
        if len(lines[-1]) > free:
            return None
    return FOLD.join(lines)


def _encoded_words(line: str, longest: int) -> Iterator[str]:
    """By the encoding that makes the text shorter."""
    content = line.encode()
    code, size, encode = _B if _base64_size(content) < _quoted_size(content) else _Q
    taken = b""
    for piece in _pieces(line, lambda piece: size(piece) <= longest - _FRAME):
        if taken and size(taken + piece) > longest - _FRAME:
            yield f"=?utf-8?{code}?{encode(taken)}?="
            taken = b""
        taken += piece
    yield f"=?utf-8?{code}?{encode(taken)}?="


def _pieces(line: str, fits: Callable[[bytes], bool]) -> Iterator[bytes]:
    """The clusters of a line, and the characters of those that do not fit into a word."""
    for cluster in clusters(line):
        content = cluster.encode()
        yield from [content] if fits(content) else [character.encode() for character in cluster]


def _base64_size(content: bytes) -> int:
    return -(-len(content) // 3) * 4


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _quoted_size(content: bytes) -> int:
    return sum(1 if byte in _SAFE or byte == ord(" ") else 3 for byte in content)


def _quoted(content: bytes) -> str:
    return "".join(chr(byte) if byte in _SAFE else "_" if byte == ord(" ") else f"={byte:02X}" for byte in content)


_B = ("b", _base64_size, _base64)
_Q = ("q", _quoted_size, _quoted)
