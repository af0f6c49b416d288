"""What can be asked for: one record, or a page of a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Get:
    """Which record, when not by its number, and what to show beside it."""

    fingerprint: str | None = None
    dedup_key: str | None = None
    external_ref: str | None = None
    source: str | None = None
    history: bool = False
    history_after: int = 0
    notes: bool = False
    notes_after: int = 0
    links: bool = False
    links_after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """Which records, after which number, how many. A list in `where` means any of its members."""

    where: Mapping[str, Any] = field(default_factory=dict)
    after: str | None = None
    limit: int = 50
