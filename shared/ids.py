"""Identifiers: UUIDv7 for events, derived ones where the same cause must give the same id, numbers for people."""

from __future__ import annotations

import os
import time
import uuid
from typing import Protocol

from shared.keys import joined as joined
from shared.keys import separated

_NAMESPACE = uuid.UUID("6f9a3c1e-5d0b-5f0e-9c55-3d6b1f2a7e41")


class Ids(Protocol):
    """Gives identifiers that nobody else has."""

    def new(self) -> str:
        """A UUIDv7 (RFC 9562) as text. Ids of one process sort in the order in which they were given."""
        ...


class SystemIds:
    """UUIDv7 from the machine's clock and its random source; rises strictly within a process."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        # RFC 9562, method 3: the 12 bits after the milliseconds hold the fraction, so that order survives a burst.
        nanoseconds = time.time_ns()
        milliseconds, rest = divmod(nanoseconds, 1_000_000)
        tick = max(milliseconds << 12 | rest * 4096 // 1_000_000, self._last + 1)
        self._last = tick
        random = int.from_bytes(os.urandom(8), "big") & (1 << 62) - 1
        return str(uuid.UUID(int=(tick >> 12) << 80 | 7 << 76 | (tick & 0xFFF) << 64 | 2 << 62 | random))


class SequentialIds:
    """Ids that count up from one; for tests, where the same run must give the same ids."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        self._last += 1
        return str(uuid.UUID(int=7 << 76 | self._last << 80 | 2 << 62))


def deterministic_id(*parts: str) -> str:
    """The same parts give the same id for ever (UUIDv5): the key of an effect that must exist once."""
    return str(uuid.uuid5(_NAMESPACE, separated(*parts)))


def format_number(prefix: str, value: int) -> str:
    """A record's number for people: `INC0000123`. Longer than seven digits is allowed."""
    return f"{prefix}{value:07d}"
