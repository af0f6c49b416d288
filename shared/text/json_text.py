"""JSON (RFC 8259) where more than a reader of JSON looks at it: a line of a log, a script element of a page.

JSON may write any character of a string as an escape, and outside of strings it has none of those escaped here. So
whoever reads it as JSON has every text unaltered, and nobody else has anything to obey.
"""

from __future__ import annotations

import re

from shared.text.directions import TURNING

_OBEYED = re.compile(f"[\x7f-\x9f\u2028\u2029{TURNING}\ud800-\udfff]")
_MARKUP = re.compile("[&<>]")


def as_a_line(document: str) -> str:
    """The document without a character that ends a line or that a terminal obeys; JSON itself has none below U+0020
    but white space between values, which `document` must not have."""
    return _OBEYED.sub(_escape, document)


def in_a_script(document: str) -> str:
    """The same for the content of a `script` element: no text in it can end the element or begin another."""
    return _MARKUP.sub(_escape, as_a_line(document))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
