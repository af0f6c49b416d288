"""Times as RFC 3339 writes them (section 5.6), which Python reads by itself only in part."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]"
    r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)


def parse(text: str) -> datetime:
    """The instant in UTC, cut to milliseconds. Raises ValueError for what is none, or outside the years 1 to 9999.

    A leap second, which there is at the end of a month in UTC only, is the last millisecond before the next month.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("is not an RFC 3339 time with its offset from UTC")
    *whole, fraction, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = map(int, whole)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    milliseconds = int((fraction or "")[:3].ljust(3, "0"))
    try:
        local = datetime(year, month, day, hour, minute, min(second, 59), milliseconds * 1000, timezone(offset))
        at = local.astimezone(timezone.utc)
        following = at.replace(microsecond=0) + timedelta(seconds=1) if second == 60 else at
    except OverflowError:
        raise ValueError("is out of range") from None
    if second < 60:
        return at
    if (following.day, following.hour, following.minute) != (1, 0, 0):
        raise ValueError("has a leap second where there is none")
    return following - timedelta(milliseconds=1)
