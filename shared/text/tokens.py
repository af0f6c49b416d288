"""Text where a protocol takes a name: the headers of a webhook, the left side of a Message-ID."""

from __future__ import annotations

import re

_OTHER = re.compile("[^A-Za-z0-9_.-]")


def token(text: str) -> str:
    """The text with a hyphen for all but ASCII letters, digits, `_`, `.` and `-`; a hyphen for none. As long as it."""
    return _OTHER.sub("-", text) or "-"
