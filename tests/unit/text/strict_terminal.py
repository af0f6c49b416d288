"""A terminal that says what it was made to do: it prints, and takes colours and weights; all else is an error."""

from __future__ import annotations

import re
import unicodedata

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_OBEYED = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def screen(output: str) -> list[str]:
    """The lines that stand on it, without their styles. Raises AssertionError for what it would obey."""
    lines = _STYLE.sub("", output).split("\n")
    for line in lines:
        obeyed = [one for one in line if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") or one in _OBEYED]
        assert obeyed == [], line
    return lines
