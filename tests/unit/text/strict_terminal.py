"""A terminal that forgives nothing: it prints and tabulates, and takes colours and weights. All else is an error."""

from __future__ import annotations

import re
import unicodedata

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def screen(output: str) -> list[str]:
    """The lines that stand on it, without their styles. Raises AssertionError for what it would obey."""
    lines = _STYLE.sub("", output).split("\n")
    assert [line for line in lines if any(_is_obeyed(character) for character in line)] == []
    return lines


def _is_obeyed(character: str) -> bool:
    return character in _TURNING or (character != "\t" and unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"))
