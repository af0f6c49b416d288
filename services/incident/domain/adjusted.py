"""What of a message was bent so that it could be taken, for whoever wonders later."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

TIME = "time"


class Why(StrEnum):
    """What was done to a field."""

    AS_TEXT = "as-text"
    CUT = "cut"
    LEFT_OUT = "left-out"
    NOT_TAKEN = "not-taken"
    MADE = "made"
    REPAIRED = "repaired"
    UNKNOWN_WORD = "unknown-word"
    FAR_OFF = "far-off"
    SET_BACK = "set-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """One field and what was done to it. `said` is its sender's word, `count` how much was cut or left out."""

    field: str
    why: Why
    said: str | None = None
    count: int | None = None

    def as_plain(self) -> dict[str, Any]:
        """As it stands in a document or an event."""
        told = {"field": self.field, "why": self.why.value, "said": self.said, "count": self.count}
        return {name: value for name, value in told.items() if value is not None}


def odd_time(said: str | None, why: Why) -> Adjusted:
    """A time that cannot be when it was said: RFC 3339, or whatever stands in its place; None where nothing does."""
    return Adjusted(field=TIME, why=why, said=said)
