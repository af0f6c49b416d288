"""What a clock is computed with beside its history: the policies, a calendar, the time zone database.

A stored clock is a copy of the fold; its inputs say of which one. Two equal inputs and one history give one result.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Any

_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The version of the policies and the name of the calendar, each with the fingerprint of what it says
    (`2026-07 5f0c2a1b...`), and the edition of the time zone database (`2026a`)."""

    policies: str
    calendar: str
    zones: str

    @property
    def words(self) -> str:
        """All of them in one line."""
        return f"policies {self.policies}; calendar {self.calendar}; time zone database {self.zones}"


def what_changed(before: Inputs | None, after: Inputs) -> str:
    """In words: `calendar business changed; time zone database 2025b -> 2026a`; empty when nothing did."""
    if before is None:
        return "it was stored without its inputs"
    zones = f"time zone database {before.zones} -> {after.zones}" if before.zones != after.zones else ""
    named = (_named("policies", before.policies, after.policies), _named("calendar", before.calendar, after.calendar))
    return "; ".join(text for text in (*named, zones) if text)


def digest(content: Any) -> str:
    """16 hexadecimal digits that are the same for equal content, in this process and in any other."""
    return sha256(json.dumps(_plain(content), sort_keys=True).encode()).hexdigest()[:_DIGITS]


def _named(what: str, before: str, after: str) -> str:
    if before == after:
        return ""
    old, new = (text.rpartition(" ")[0] for text in (before, after))
    return f"{what} {new} changed" if old == new else f"{what} {old} -> {new}"


def _plain(value: Any) -> Any:
    """Dataclasses, enums, instants and sets as JSON can write them, always in the same order."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value) if field.compare}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(one) for name, one in value.items()}
    if isinstance(value, frozenset):
        return sorted((_plain(one) for one in value), key=str)
    return [_plain(one) for one in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
