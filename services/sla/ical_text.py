"""An iCalendar file reduced to what says when its events are, before anything works on it (RFC 5545).

Descriptions, attachments, attendees and alarms are left out unread, and so are time zones: what is kept tells days, and
the rules of a foreign zone could be worked on for ever. What is left is bounded, so reading it is quick.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST_LINES = 15_000
MOST_CHARACTERS = 512 * 1024
"""Of what is kept: some two thousand events."""
DEEPEST = 8
"""Components within each other; the standard needs three."""

MOST_ZONES = 20
"""Names of zones that are looked up."""

_FOLD = re.compile(rb"\r?\n[ \t]")
_TZID = re.compile(r"TZID[=:]\"?([^:;\"\r\n]{1,100})")
_LINE = re.compile(r"\r\n|\n|\r")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_KEPT = {
    ("VCALENDAR",): frozenset({"VERSION", "PRODID", "X-WR-TIMEZONE"}),
    ("VCALENDAR", "VEVENT"): frozenset(
        (
            "UID",
            "SUMMARY",
            "STATUS",
            "DTSTART",
            "DTEND",
            "DURATION",
            "RRULE",
            "RDATE",
            "EXDATE",
            "EXRULE",
            "RECURRENCE-ID",
        )
    ),
}


def unfolded(content: bytes) -> str:
    """The lines of a file. A fold may stand within a character (RFC 5545, 3.1), so it is undone before decoding.

    Raises UnicodeDecodeError, which is a ValueError, for what is not UTF-8.
    """
    return _FOLD.sub(b"", content).decode("utf-8-sig")


def zone_names(text: str) -> list[str]:
    """The zones that unfolded lines name, each once, in their order."""
    return list(dict.fromkeys(name.strip() for name in _TZID.findall(text)))[:MOST_ZONES]


def reduced(text: str) -> str:
    """The calendar, of unfolded lines, with its events.

    Raises ValueError for what is no such file, is nested too deeply, or too long.
    """
    lines = list(_kept(text))
    characters = sum(map(len, lines))
    if len(lines) > MOST_LINES or characters > MOST_CHARACTERS:
        raise ValueError(f"its events have more than {MOST_LINES} lines or {MOST_CHARACTERS} characters")
    return "\r\n".join([*lines, ""])


def _kept(text: str) -> Iterator[str]:
    within: tuple[str, ...] = ()
    for line in _LINE.split(text):
        match = _NAME.match(line)
        name = match[0].upper() if match else ""
        component = line.partition(":")[2].strip().upper()
        if name == "BEGIN":
            within = (*within, component)
            if len(within) > DEEPEST:
                raise ValueError(f"its components are nested more than {DEEPEST} deep")
        if within in _KEPT and name in ("BEGIN", "END", *_KEPT[within]):
            yield line
        elif not within and line.strip():
            raise ValueError(f"{line[:40]!r} is no part of a calendar")
        if name == "END":
            if within[-1:] != (component,):
                raise ValueError(f"{line[:40]!r} ends what has not begun")
            within = within[:-1]
