"""Dead letters: a message that cannot be handled, moved aside with its explanation.

A dead letter carries the message unchanged and says in its headers what went wrong (`x-reason`, `x-error`,
`x-pointer`), where (`x-consumer`, `x-queue`), how often it was tried and since when. What the broker moved itself (a
message that killed its process each time) carries the broker's own `x-death` instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson

from shared.clock import format_instant
from shared.errors import DeskwireError, Invalid, NotFound
from shared.ids import deterministic_id, joined
from shared.legible import encodable, legible, short
from shared.publisher import Message
from shared.topology import DEAD, dead_queue

TRACE_HEADERS = ("x-attempt", "x-replays", "x-first-failed-at", "x-sender", "x-queue")
"""Headers of ours that a message on the retry ladder brings back; no other header is ever passed on."""
ERROR_LENGTH = 500
OCTETS = "application/octet-stream"


def message_key(message_id: str, body: bytes) -> str:
    """What tells a message from all others and is the same for each of its copies, as 32 hexadecimal digits.

    Source and id of the event in it (CloudEvents 1.0: together unique), or the message's own id where they cannot be
    read; and a digest of the body, so that a message which claims the name of another one does not pass for it.
    """
    digest = sha256(body).hexdigest()
    return sha256(joined(*_name(message_id, body), digest).encode()).hexdigest()[:32]


def _name(message_id: str, body: bytes) -> tuple[str, ...]:
    try:
        event = orjson.loads(body)
        source, identity = event["source"], event["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        return ("message", message_id)
    texts = isinstance(source, str) and isinstance(identity, str)
    return ("event", source, identity) if texts else ("message", message_id)


def _identity(message_id: Any, body: bytes) -> str:
    return short(message_id) if message_id else deterministic_id("message", sha256(body).hexdigest())


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
    replays: int = 0
    """How often an operator has sent it back from the dead letters."""

    @property
    def identity(self) -> str:
        """The message's id, in a form that people and databases can take; without one, an id derived from the body."""
        return _identity(self.message_id, self.body)

    @property
    def key(self) -> str:
        """What its copies have in common with it (`message_key`)."""
        return message_key(self.identity, self.body)


def read_trip(
    *, body: bytes, queue: str, exchange: str, properties: Mapping[str, Any], redelivered: bool = False
) -> Trip:
    """Read a delivery. Headers are believed only on what came back through the default exchange, where no foreign
    sender may publish; anybody else's are ignored."""
    trusted = _mapping(properties.get("application_headers")) if exchange == "" else {}
    return Trip(
        body=body,
        queue=queue,
        message_id=properties.get("message_id"),
        content_type=short(properties.get("content_type") or OCTETS),
        sender=_shown(properties.get("user_id") or trusted.get("x-sender")),
        attempt=_count(trusted.get("x-attempt")) + 1,
        first_failed_at=_shown(trusted.get("x-first-failed-at")),
        redelivered=redelivered,
        replays=_count(trusted.get("x-replays")),
    )


def _shown(value: Any) -> str | None:
    return legible(value) if value else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 1_000_000 else 0


def retry_message(trip: Trip, exchange: str, now: datetime) -> Message:
    """A fresh copy for the retry ladder; the broker's own delivery count starts again with it."""
    return _copy(trip, exchange, trip.queue, _trail(trip, now))


def dead_message(trip: Trip, consumer: str, reason: str, error: BaseException, now: datetime) -> Message:
    """The message for the dead letters of `consumer`, with its explanation."""
    text = error.message if isinstance(error, DeskwireError) else f"{type(error).__name__}: {error}"
    told = encodable(text)[:ERROR_LENGTH]
    headers = {**_trail(trip, now), "x-reason": reason, "x-error": told, "x-consumer": consumer}
    if isinstance(error, DeskwireError) and error.pointer is not None:
        # It may name a field of a sender's own making, and a header that is too long would cost the connection.
        headers["x-pointer"] = encodable(error.pointer)[:ERROR_LENGTH]
    return _copy(trip, DEAD, dead_queue(consumer), headers)


def _trail(trip: Trip, now: datetime) -> dict[str, Any]:
    trail = {
        "x-attempt": trip.attempt,
        "x-first-failed-at": trip.first_failed_at or format_instant(now),
        "x-queue": trip.queue,
        **({"x-replays": trip.replays} if trip.replays else {}),
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


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One dead letter, as `deskwire dead list` shows it: every text in it can be shown, whatever came."""

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
    replays: int = 0
    copies: int = 1
    """How often it lies in the queue. A connection that breaks while a letter is moved may leave it there twice."""

    @cached_property
    def key(self) -> str:
        """What its copies have in common with it (`message_key`); names it where several letters share one id."""
        return message_key(self.message_id, self.body)


def parse(consumer: str, body: bytes, properties: Mapping[str, Any]) -> DeadLetter:
    """Read a message of a dead queue, whether we moved it there or the broker did. Takes anything, raises nothing."""
    headers = _mapping(properties.get("application_headers"))
    # What we move is published afresh and has no x-death. What the broker moved may still carry a foreign sender's
    # headers, so nothing in them is believed but what came back from the retry ladder by the default exchange.
    deaths = headers.get("x-death")
    death = _mapping(deaths[0]) if isinstance(deaths, list) and deaths else {}
    moved = {} if death else headers
    climbed = headers if death.get("exchange") == "" else moved
    pointer = moved.get("x-pointer")
    return DeadLetter(
        consumer=consumer,
        message_id=_identity(properties.get("message_id"), body),
        reason=legible(moved.get("x-reason") or death.get("reason") or "unknown").replace("_", "-"),
        error=encodable(moved.get("x-error") or "the broker gave up on it"),
        pointer=None if pointer is None else encodable(pointer),
        queue=encodable(moved.get("x-queue") or death.get("queue") or ""),
        attempts=_count(moved.get("x-attempt")) or _count(death.get("count")) or 1,
        first_failed_at=_shown(climbed.get("x-first-failed-at")),
        sender=_shown(properties.get("user_id") or climbed.get("x-sender")),
        content_type=short(properties.get("content_type") or OCTETS),
        body=body,
        replays=_count(climbed.get("x-replays")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def collapsed(letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """The letters, those with one key as one: the one that was tried most, with the sum of its copies."""
    by_key: dict[str, DeadLetter] = {}
    for letter in letters:
        known = by_key.get(letter.key)
        if known is None:
            by_key[letter.key] = letter
        else:
            most = max(known, letter, key=lambda each: (each.replays, each.attempts))
            by_key[letter.key] = replace(most, copies=known.copies + letter.copies)
    return list(by_key.values())


def named(letters: Iterable[DeadLetter], name: str) -> list[DeadLetter]:
    """The copies of the letter that has `name` for its id or its key. Raises NotFound, and Invalid with their keys
    when letters that are not copies of each other share the id: it is left to nobody to guess which is meant."""
    matching = [letter for letter in letters if name in (letter.message_id, letter.key)]
    keys = list(dict.fromkeys(letter.key for letter in matching))
    if not keys:
        raise NotFound(f"there is no dead letter {name}", pointer="/message_id")
    if len(keys) > 1:
        message = f"{len(keys)} different letters have the id {name}: name one by its key, {', '.join(keys)}"
        raise Invalid(message, slug="ambiguous-letter", pointer="/message_id")
    return matching
