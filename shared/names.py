"""Names that people can read: titles, teams, people, senders, references, keys.

A name that only looks empty cannot be told from none, and one with control characters in it can be made to look like
another one, or to steer the terminal that shows it.
"""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and symbols by their category that show nothing: Hangul fillers, inherent vowels of Khmer, the blank Braille
pattern."""
_HIDDEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Me"})
"""Categories of Unicode (UAX 44) of which nothing is seen alone: separators, controls, format characters such as the
zero-width ones, the byte order mark and the soft hyphen, halves of a character, and marks without a base."""
_CONTROLS = frozenset({"Cc", "Zl", "Zp"})


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen."""
    return all(letter in _UNSEEN or unicodedata.category(letter) in _HIDDEN for letter in text)


def name_fault(text: str) -> str | None:
    """The rule that the text breaks as a name, in words that follow its field; None where it breaks none."""
    if is_blank(text):
        return "must show something: it is empty, or looks so"
    if any(unicodedata.category(letter) in _CONTROLS for letter in text):
        return "must not hold control characters"
    return None
