"""What the command says: one line at a time, to whatever stands at the other end, or to nobody."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from typing import TextIO

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def say(text: str, stream: TextIO | None) -> None:
    """One line that a terminal prints and does not obey; what the locale cannot say is spelled out.

    A stream that is closed or full loses the line and nothing else: the event is what matters, and the exit code tells.
    """
    if stream is None:
        return
    row = "".join("\N{REPLACEMENT CHARACTER}" if _is_obeyed(character) else character for character in text)
    encoding = stream.encoding or "utf-8"
    try:
        print(row.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
    except OSError:
        _let_go(stream)


def _let_go(stream: TextIO) -> None:
    """What is still to be written goes nowhere: Python would try again when it ends, and change the exit code."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _is_obeyed(character: str) -> bool:
    """Whether it ends a line, controls the terminal, is half of a pair, or turns the direction of text."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _TURNING
