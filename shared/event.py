"""What a rule says has happened. The unit of work wraps it into an envelope when it is stored (ADR 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact about one record.

    `type` is in the past tense (`incident.opened`), `at` is when it happened, `change` holds what changed as
    plain JSON values. One event raises the record's version by one, so versions are gapless by construction.
    """

    type: str
    at: datetime
    change: Mapping[str, Any] = field(default_factory=dict)
