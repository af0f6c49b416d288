"""Alerts as the desk can read them. None is refused for a detail: whoever could mend it is asleep.

What is odd in a field is left to the desk, which bends it and notes what it bent (docs/intake.md). Here is done only
what the way there needs: JSON that can be written, and a body within the desk's bound.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from deskwire_client.errors import InvalidField

TYPES = frozenset({"alert.firing", "alert.resolved"})
KEY = 1000
BOUNDS = {
    "title": 1000,
    "severity": 255,
    "source": 255,
    "ci": 255,
    "service": 255,
    "organisation": 255,
    "url": 2000,
    "outage": 255,
    "description": 32_000,
}
"""How much the desk keeps of each text, in characters."""
LABELS = 64
LABEL_NAME = 200
LABEL = 1000
_MOST = 2**53 - 1
_DEPTH = 8
_UNSEEN = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_HIDDEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Me"})
_NAMES = ("dedup_key", "ci", "service", "url", "source")


def read(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as JSON says them, without those that are blank: they count as not given.

    Raises InvalidField when nothing is left that the desk could key the alert by, or call it.
    """
    fields = {str(name): _plain(value, _DEPTH) for name, value in data.items()}
    fields = {name: value for name, value in fields.items() if not is_blank(value)}
    if not _says_something(fields):
        raise InvalidField("dedup_key", "or a title to make one of is needed")
    return fields


def is_blank(value: Any) -> bool:
    """Whether it is None, or a text of which nothing can be seen, as the desk judges it."""
    return value is None or (
        isinstance(value, str) and all(letter in _UNSEEN or unicodedata.category(letter) in _HIDDEN for letter in value)
    )


def within(fields: Mapping[str, Any], room: int) -> dict[str, Any]:
    """The fields in at most `room` bytes of JSON, at least 230,000: as they are, or else cut to what the desk keeps.

    Labels that do not fit beside the rest are left out.
    """
    if _size(fields) <= room:
        return dict(fields)
    short: dict[str, Any] = {name: _cut(fields[name], longest) for name, longest in BOUNDS.items() if name in fields}
    if "dedup_key" in fields:
        short["dedup_key"] = key_within(_as_text(fields["dedup_key"]))
    labels: dict[str, Any] = {}
    given = fields.get("labels")
    for name, value in list(given.items() if isinstance(given, Mapping) else ())[:LABELS]:
        label = {name: _cut(value, LABEL)} if len(name) <= LABEL_NAME else {}
        if _size({**short, "labels": {**labels, **label}}) <= room:
            labels.update(label)
    return {**short, "labels": labels} if labels else short


def key_within(key: str) -> str:
    """The key, or what the desk makes of one that is too long: equal for equal ones, other than for all others."""
    return key if len(key) <= KEY else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _says_something(fields: Mapping[str, Any]) -> bool:
    labels = fields.get("labels")
    labelled = isinstance(labels, Mapping) and any(
        not is_blank(name) and len(name) <= LABEL_NAME and not isinstance(value, (dict, list))
        for name, value in labels.items()
    )
    description = fields.get("description")
    first = description.strip().splitlines()[0] if isinstance(description, str) else description
    named = any(not isinstance(fields[name], (dict, list)) for name in _NAMES if name in fields)
    return labelled or named or "title" in fields or not is_blank(first)


def _plain(value: Any, depth: int) -> Any:
    """As JSON and the desk take it; what they do not take becomes text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= _MOST:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, Mapping) and depth:
        return {_as_text(name): _plain(inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple)) and depth:
        return [_plain(inner, depth - 1) for inner in value]
    return _as_text(value)


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    try:
        # Of a text that is more, such as a member of an enumeration, its own words.
        text = str.__str__(value) if isinstance(value, str) else str(value)
    except Exception:
        # Whatever a foreign object trips over must not cost the alert.
        text = type(value).__name__
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def _cut(value: Any, longest: int) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _size(fields: Mapping[str, Any]) -> int:
    return len(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())
