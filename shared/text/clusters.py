"""What people take for one character: a letter with its marks, an emoji of several, a flag, a Hangul syllable.

After the extended grapheme clusters of UAX 29, by the categories of Python's own Unicode; rare prefixes of Indic
scripts and conjuncts of consonants are several clusters here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

LONGEST = 32
"""Characters of a cluster. More marks on one letter are nobody's language, and would make a cluster without end."""
_ELLIPSIS = "…"
_JOINERS = "\u200c\u200d"
_MARKS = frozenset(("Mn", "Mc", "Me"))
_MODIFIERS = (("\U0001f3fb", "\U0001f3ff"), ("\U000e0020", "\U000e007f"), ("\u1160", "\u11ff"))


def clusters(text: str) -> Iterator[str]:
    """The text in its clusters, none of them empty or longer than `LONGEST`; joined they are the text."""
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or place - start == LONGEST or not _holds(text, start, place):
            yield text[start:place]
            start = place


def cut(text: str, length: int) -> str:
    """The text in at most `length` characters; one that is longer ends after a whole cluster, and with an ellipsis."""
    if len(text) <= length:
        return text
    end = 0
    for cluster in clusters(text):
        if end + len(cluster) > length - len(_ELLIPSIS):
            break
        end += len(cluster)
    return text[:end] + _ELLIPSIS


def _holds(text: str, start: int, place: int) -> bool:
    """Whether the character at `place` belongs to the cluster that began at `start`."""
    before, character = text[place - 1], text[place]
    if before.isascii() and character.isascii():
        return before == "\r" and character == "\n"
    if unicodedata.category(before) == "Cc" or before in "\u2028\u2029":
        return False
    if before == "\u200d" or character in _JOINERS:
        return True
    if unicodedata.category(character) in _MARKS or _is_modifier(character):
        return True
    return _is_flag(before) and _is_flag(character) and (place - start) % 2 == 1


def _is_modifier(character: str) -> bool:
    """A skin colour, a tag of the flag of a region, or a vowel or an end of a syllable that is written in its parts."""
    return any(first <= character <= last for first, last in _MODIFIERS)


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
