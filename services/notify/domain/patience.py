"""How long a delivery is tried, by its channel and its lane.

A mail server may be away for days and comes back: RFC 5321, section 4.5.4.1, has a sender try for four to five days.
What is urgent is tried more often meanwhile. An attempt whose end cannot be known is followed by few others, far
apart, because each may be a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.notify.domain.rules import URGENT, Channel

LONGEST_RETRY_AFTER = timedelta(days=1)
"""A receiver that asks for more is asked again after this."""
DOUBTFUL_PAUSES = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
"""The pauses after attempts whose end is not known; after one more such attempt a person decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The pause after each attempt that may pass (the last one repeats), for how long, and how many at most.

    `keep_trying` counts from the planning, or from when a person asked to send again. `max_attempts` None is no bound.
    """

    pauses: tuple[timedelta, ...]
    keep_trying: timedelta
    max_attempts: int | None = None
    doubtful_pauses: tuple[timedelta, ...] = DOUBTFUL_PAUSES

    def pause(self, tried: int) -> timedelta:
        """The pause after attempt number `tried` (the first is 1)."""
        return self.pauses[min(tried, len(self.pauses)) - 1]

    def doubtful_pause(self, doubts: int) -> timedelta | None:
        """The pause after the doubtful attempt number `doubts` (the first is 1); None when it was the last."""
        return self.doubtful_pauses[doubts - 1] if doubts <= len(self.doubtful_pauses) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatienceTable:
    """The patience for each channel, and for what is urgent on it."""

    normal: Mapping[Channel, Patience]
    urgent: Mapping[Channel, Patience]

    def of(self, channel: Channel, lane: int) -> Patience:
        """What holds for a delivery on this channel in this lane."""
        return (self.urgent if lane == URGENT else self.normal)[channel]
