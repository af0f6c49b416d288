"""Characters that turn the direction of text (UAX 9): those that stay within the line they stand in, and the others.

People's text has embeddings and isolates for a reason: a telephone number in Hebrew, a name of the other direction in
a sentence. Well nested they turn nothing but what they hold. Left open they turn what follows, and an override makes
any text read as another one.
"""

from __future__ import annotations

import re

STAND_IN = "\N{REPLACEMENT CHARACTER}"
TURNING = "\u202a-\u202e\u2066-\u2069"
"""All of them, as a range of a regular expression."""
_TURNING = re.compile(f"[{TURNING}]")
EMBEDDING_END, ISOLATE_END = "\u202c", "\u2069"
_CLOSED_BY = {**dict.fromkeys("\u202a\u202b", EMBEDDING_END), **dict.fromkeys("\u2066\u2067\u2068", ISOLATE_END)}


def settled(line: str) -> str:
    """The line with U+FFFD for each override, each opening without its end, and each end without its opening."""
    stray: set[int] = set()
    opened: list[tuple[int, str]] = []
    isolates = 0
    for match in _TURNING.finditer(line):
        place, character = match.start(), match[0]
        if character in _CLOSED_BY:
            opened.append((place, _CLOSED_BY[character]))
            isolates += _CLOSED_BY[character] == ISOLATE_END
            continue
        # The end of an isolate ends the embeddings that were left open in it, too (UAX 9, X6a).
        while character == ISOLATE_END and isolates and opened[-1][1] != ISOLATE_END:
            stray.add(opened.pop()[0])
        if opened and opened[-1][1] == character:
            opened.pop()
            isolates -= character == ISOLATE_END
        else:
            stray.add(place)
    stray.update(place for place, _ in opened)
    return "".join(STAND_IN if place in stray else character for place, character in enumerate(line)) if stray else line
