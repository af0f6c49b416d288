"""Text as one line and as many, without a character that moves a cursor, ends a line too much or ends a string.

Line ends are those of Unicode (UAX 14: CR, LF, CR LF, VT, FF, NEL, LS, PS).
"""

from __future__ import annotations

import re

from shared.text.directions import STAND_IN, settled

_END = re.compile("\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
# A single class: a pattern that looks for the end of a gap would look again from each of its spaces.
_GAP = re.compile("[ \t\n\r\x0b\x0c\x85\u2028\u2029]+")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def one_line(text: str) -> str:
    """The text in one line: each run of line ends and tabs, with the spaces around it, is one space.

    Control characters and lone surrogates are shown as U+FFFD, and so is what turns the direction of more than the
    text itself (`directions`). Other spaces stay but for those at both ends. The same again changes nothing.
    """
    return in_a_row(text).strip(" ")


def in_a_row(text: str) -> str:
    """As `one_line`, with the spaces at both ends: a part of a line."""
    return visible(_GAP.sub(_closed, text))


def many_lines(text: str) -> str:
    """The text with every line end as a line feed; tabs stay, and all else is as in `one_line`, line by line."""
    return "\n".join(visible(line) for line in _END.sub("\n", text).split("\n"))


def visible(line: str) -> str:
    """What is shown of a line that has no end in it; a tab stays. As long as the line."""
    return settled(_CONTROL.sub(STAND_IN, line))


def _closed(gap: re.Match[str]) -> str:
    return " " if gap[0].strip(" ") else gap[0]
