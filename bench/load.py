"""What is reported to the desk while it is measured."""

from __future__ import annotations

from collections.abc import Iterator

from shared.clock import SystemClock
from shared.envelope import Envelope, Lane
from shared.ids import SystemIds

_ids = SystemIds()
_clock = SystemClock()


def alert(key: str, *, lane: Lane = Lane.NORMAL) -> Envelope:
    """A firing alert of about a kilobyte."""
    return Envelope(
        id=_ids.new(),
        source="/bench",
        type="alert.firing",
        time=_clock.now(),
        lane=lane,
        data={
            "dedup_key": key,
            "title": f"Disk almost full on {key}",
            "severity": "error",
            "source": key,
            "ci": key,
            "service": f"service-{hash(key) % 50}",
            "labels": {"job": "node", "device": "/dev/sda1", "datacentre": "north"},
            "description": "The file system has less than five per cent left. " * 8,
        },
    )


def distinct(count: int, prefix: str) -> list[Envelope]:
    """Alerts of which each becomes an incident."""
    return [alert(f"{prefix}-{number}") for number in range(count)]


def storm(count: int, prefix: str, *, duplicates: float = 0.95) -> Iterator[Envelope]:
    """Alerts of which only a share are new; the rest repeat them in turn."""
    different = max(1, round(count * (1 - duplicates)))
    return (alert(f"{prefix}-{number % different}") for number in range(count))
