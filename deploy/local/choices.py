"""What the person chose for this machine, by environment variables; judged as a whole before anything starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.addresses import server
from shared.errors import Invalid

OPS_BASE = 9700


class BadChoice(Invalid):
    """One or more variables are wrong; the message names every one of them."""

    slug = "bad-settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """`None` means: ours, started here. Ports given here are used or refused, never replaced by others."""

    amqp_uri: str | None = None
    mongodb_uri: str | None = None
    amqp_port: int | None = None
    mongodb_port: int | None = None
    bind: str = "127.0.0.1"
    ops_base: int = OPS_BASE

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Choices:
        """Read them. Raises BadChoice, which names every fault at once."""
        reader = _Reader(environment)
        choices = cls(
            amqp_uri=reader.address("AMQP_URI", "amqp://", "amqps://"),
            mongodb_uri=reader.address("MONGODB_URI", "mongodb://", "mongodb+srv://"),
            amqp_port=reader.port("DESKWIRE_AMQP_PORT", 65535),
            mongodb_port=reader.port("DESKWIRE_MONGODB_PORT", 65535),
            bind=reader.host("DESKWIRE_BIND") or "127.0.0.1",
            ops_base=reader.port("DESKWIRE_OPS_BASE", 65535 - 100) or OPS_BASE,
        )
        if reader.faults:
            raise BadChoice("; ".join(reader.faults))
        return choices


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.faults: list[str] = []

    def address(self, name: str, *schemes: str) -> str | None:
        value = self._text(name)
        if value is not None and not value.startswith(schemes):
            self.faults.append(f"{name} must start with {' or '.join(schemes)}")
        return value

    def port(self, name: str, highest: int) -> int | None:
        value = self._text(name)
        if value is None:
            return None
        if not re.fullmatch("[0-9]{1,5}", value) or not 1024 <= int(value) <= highest:
            self.faults.append(f"{name} must be a port from 1024 to {highest}, not {value!r}")
            return None
        return int(value)

    def host(self, name: str) -> str | None:
        value = self._text(name)
        try:
            return None if value is None else server(value)
        except ValueError as error:
            self.faults.append(f"{name}: {error}")
            return None

    def _text(self, name: str) -> str | None:
        twin = self._environment.get(f"{name}_FILE", "").strip()
        if not twin:
            return self._environment.get(name, "").strip() or None
        try:
            return Path(twin).read_text().strip() or None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            self.faults.append(f"{name}_FILE names {twin}, which cannot be read: {reason}")
            return None
