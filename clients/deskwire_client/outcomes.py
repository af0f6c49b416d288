"""What became of an event, and of those that waited."""

from __future__ import annotations

from dataclasses import dataclass

CONFIRMED = "confirmed"
SPOOLED = "spooled"


@dataclass(frozen=True)
class Receipt:
    """What became of an event. `status` is `confirmed` (the broker has it on disk) or `spooled` (this machine has).

    `reason` says why an event was spooled; `warning` what is wrong with the spool, which has stopped nothing.
    """

    id: str
    status: str
    reason: str | None = None
    warning: str | None = None


@dataclass(frozen=True)
class Flushed:
    """What a flush did: how many kept events were confirmed, how many are left, and why those are.

    `aside` counts the events that this flush set aside, because no broker can take them as they are.
    """

    sent: int
    left: int
    reason: str | None = None
    aside: int = 0
