"""Text on a terminal or in a pipe that leads to one: it is printed, and moves, colours, renames and links nothing.

Terminals turn the direction of text by rules of their own, each in another way, some for a whole row. So here every
character that turns it is shown as U+FFFD, also one that `directions` would let pass.
"""

from __future__ import annotations

import re

from shared.text import lines
from shared.text.directions import STAND_IN, TURNING

_TURNING = re.compile(f"[{TURNING}]")


def harmless(text: str) -> str:
    """The text with its lines and tabs, each line end a line feed; what a terminal could obey is shown as U+FFFD."""
    return _TURNING.sub(STAND_IN, lines.many_lines(text))


def in_a_row(text: str) -> str:
    """The text as a line or a part of one, in which each line end is a space."""
    return _TURNING.sub(STAND_IN, lines.in_a_row(text))
