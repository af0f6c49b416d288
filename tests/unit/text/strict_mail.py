"""A reader of mails that forgives nothing: RFC 5322 lines and headers, RFC 2047 encoded-words, RFC 2045 bodies."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

LINE = 998
"""RFC 5322, 2.1.1: characters of a line without its end."""
WORD, WORD_LINE = 75, 76
"""RFC 2047, 2: characters of an encoded-word, and of a line that holds one."""
_FIELD = re.compile(rb"([!-9;-~]+):(.*)\Z", re.DOTALL)
_WORD = re.compile(r"=\?utf-8\?([bq])\?([!->@-~]*)\?=\Z")
_QUOTED = re.compile(r"(?:[!-<>@-^`-~]|_|=[0-9A-F]{2})*\Z")


@dataclass(frozen=True, slots=True)
class Mail:
    """What was read. `raw` are the values with their folds."""

    names: tuple[str, ...]
    raw: dict[str, str]
    body: str

    def text(self, name: str) -> str:
        """A header of free text, as it is meant to be read."""
        return unstructured(self.raw[name])


def read(content: bytes) -> Mail:
    """The mail, or an AssertionError that names what a strict server or reader would refuse."""
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert not set(content) & {*range(9), *range(11, 13), *range(14, 32), *range(127, 256)}, "not plain ASCII"
    assert all(len(line) <= LINE for line in content.split(b"\r\n"))
    head, _, body = content.partition(b"\r\n\r\n")
    fields = [_field(field) for field in re.split(rb"\r\n(?![ \t])", head)]
    raw = dict(fields)
    assert len(raw) == len(fields), "a header stands twice"
    return Mail(tuple(name for name, _ in fields), raw, _body(body, raw))


def unstructured(value: str) -> str:
    """Free text: unfolded, encoded-words decoded, and the white space between two of these left out."""
    lines = value.split("\r\n")
    assert all(line.strip(" \t") for line in lines[1:]), "a line of white space"
    assert all(len(line) <= WORD_LINE - (len("Subject:") if not place else 0) for place, line in enumerate(lines)) or (
        "=?" not in value
    ), "a line with an encoded-word is too long"
    pieces = re.split(r"([ \t]+)", "".join(lines).removeprefix(" "))
    read, between, after_word = "", "", False
    for piece in pieces:
        if not piece.strip(" \t"):
            between = piece
        elif "=?" in piece:
            read += ("" if after_word else between) + _decoded(piece)
            between, after_word = "", True
        else:
            read += between + piece
            between, after_word = "", False
    return read + between


def _decoded(piece: str) -> str:
    word = _WORD.match(piece)
    assert word is not None, f"no encoded-word: {piece!r}"
    assert len(piece) <= WORD
    encoding, content = word.groups()
    if encoding == "b":
        return base64.b64decode(content, validate=True).decode("utf-8")
    assert _QUOTED.match(content), content
    return binascii.a2b_qp(content.replace("_", "=20").encode()).decode("utf-8")


def _field(field: bytes) -> tuple[str, str]:
    match = _FIELD.match(field)
    assert match is not None, f"no header: {field!r}"
    return match[1].decode("ascii").lower(), match[2].decode("ascii")


def _body(body: bytes, raw: dict[str, str]) -> str:
    assert raw["content-type"].strip() == 'text/plain; charset="utf-8"'
    match raw["content-transfer-encoding"].strip():
        case "7bit":
            content = body
        case "base64":
            assert all(len(line) <= WORD_LINE for line in body.split(b"\r\n"))
            content = base64.b64decode(body.replace(b"\r\n", b""), validate=True)
        case "quoted-printable":
            lines = body.split(b"\r\n")
            assert all(len(line) <= WORD_LINE and not line.endswith((b" ", b"\t")) for line in lines)
            content = binascii.a2b_qp(body)
        case other:
            raise AssertionError(other)
    return content.decode("utf-8").replace("\r\n", "\n")
