"""Dead letters: a message that cannot be handled, moved aside with its explanation.

A dead letter carries the message unchanged and says in its headers what went wrong (`x-reason`, `x-error`,
`x-pointer`), where (`x-consumer`, `x-queue`), how often it was tried and since when. What the broker moved itself (a
message that killed its process each time) carries the broker's own `x-death` instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.clock import format_instant
from shared.errors import DeskwireError
from shared.ids import deterministic_id
from shared.publisher import Message
from shared.topology import DEAD, dead_queue

TRACE_HEADERS = ("x-attempt", "x-first-failed-at", "x-sender", "x-queue")
"""Headers of ours that a message on the retry ladder brings back; no other header is ever passed on."""
ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A message as it was delivered, with what the house itself noted on it in earlier attempts."""

    body: bytes
    queue: str
    message_id: str | None
    content_type: str
    sender: str | None
    attempt: int
    first_failed_at: str | None
    redelivered: bool

    @property
    def identity(self) -> str:
        """The message's id; for one that came without, an id derived from its body."""
        return self.message_id or deterministic_id("message", self.body.hex()[:4096])


def read_trip(
    *, body: bytes, queue: str, exchange: str, properties: Mapping[str, Any], redelivered: bool = False
) -> Trip:
    """Read a delivery. Headers are believed only on what came back through the default exchange, where no foreign
    sender may publish; anybody else's are ignored."""
    headers: Mapping[str, Any] = properties.get("application_headers") or {}
    trusted = headers if exchange == "" else {}
    sender = properties.get("user_id") or trusted.get("x-sender")
    return Trip(
        body=body,
        queue=queue,
        message_id=properties.get("message_id"),
        content_type=str(properties.get("content_type") or "application/octet-stream"),
        sender=str(sender) if sender else None,
        attempt=_count(trusted.get("x-attempt")) + 1,
        first_failed_at=trusted.get("x-first-failed-at"),
        redelivered=redelivered,
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 1_000_000 else 0


def retry_message(trip: Trip, exchange: str, now: datetime) -> Message:
    """A fresh copy for the retry ladder; the broker's own delivery count starts again with it."""
    return _copy(trip, exchange, trip.queue, _trail(trip, now))


def dead_message(trip: Trip, consumer: str, reason: str, error: BaseException, now: datetime) -> Message:
    """The message for the dead letters of `consumer`, with its explanation."""
    text = error.message if isinstance(error, DeskwireError) else f"{type(error).__name__}: {error}"
    headers = {**_trail(trip, now), "x-reason": reason, "x-error": text[:ERROR_LENGTH], "x-consumer": consumer}
    if isinstance(error, DeskwireError) and error.pointer is not None:
        # It may name a field of a sender's own making, and a header that is too long would cost the connection.
        headers["x-pointer"] = error.pointer[:ERROR_LENGTH]
    return _copy(trip, DEAD, dead_queue(consumer), headers)


def _trail(trip: Trip, now: datetime) -> dict[str, Any]:
    trail = {
        "x-attempt": trip.attempt,
        "x-first-failed-at": trip.first_failed_at or format_instant(now),
        "x-queue": trip.queue,
    }
    return trail if trip.sender is None else {**trail, "x-sender": trip.sender}


def _copy(trip: Trip, exchange: str, routing_key: str, headers: Mapping[str, Any]) -> Message:
    return Message(
        exchange=exchange,
        routing_key=routing_key,
        body=trip.body,
        message_id=trip.identity,
        content_type=trip.content_type,
        headers=headers,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One dead letter, as `deskwire dead list` shows it."""

    consumer: str
    message_id: str
    reason: str
    error: str
    pointer: str | None
    queue: str
    attempts: int
    first_failed_at: str | None
    sender: str | None
    content_type: str
    body: bytes


def parse(consumer: str, body: bytes, properties: Mapping[str, Any]) -> DeadLetter:
    """Read a message of a dead queue, whether we moved it there or the broker did."""
    headers: Mapping[str, Any] = properties.get("application_headers") or {}
    # What we move is published afresh and has no x-death. What the broker moved may still carry a foreign sender's
    # headers, so nothing in them is believed but what came back from the retry ladder by the default exchange.
    deaths = headers.get("x-death")
    death: Mapping[str, Any] = deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}
    moved = {} if death else headers
    climbed = headers if death.get("exchange") == "" else moved
    return DeadLetter(
        consumer=consumer,
        message_id=str(properties.get("message_id") or deterministic_id("message", body.hex()[:4096])),
        reason=str(moved.get("x-reason") or death.get("reason") or "unknown").replace("_", "-"),
        error=str(moved.get("x-error") or "the broker gave up on it"),
        pointer=moved.get("x-pointer"),
        queue=str(moved.get("x-queue") or death.get("queue") or ""),
        attempts=_count(moved.get("x-attempt")) or _count(death.get("count")) or 1,
        first_failed_at=climbed.get("x-first-failed-at"),
        sender=properties.get("user_id") or climbed.get("x-sender"),
        content_type=str(properties.get("content_type") or "application/octet-stream"),
        body=body,
    )
