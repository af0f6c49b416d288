"""The formats of what comes from outside, as marshmallow has them: one field or validator each, for all services."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields

from shared.clock import parse_instant
from shared.errors import Invalid
from shared.names import name_fault


class Instant(fields.Field[datetime]):
    """RFC 3339 with its offset (`shared.clock.parse_instant`), in UTC and cut to milliseconds; from `earliest` on."""

    def __init__(self, *, earliest: datetime | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._earliest = earliest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> datetime:  # noqa: ARG002
        try:
            at = parse_instant(value)
        except Invalid as error:
            raise ValidationError(error.message) from None
        if self._earliest is not None and at < self._earliest:
            raise ValidationError(f"must not be before {self._earliest:%Y-%m-%d}")
        return at


class Written(fields.String):
    """A text that one of the readers of `shared.addresses` takes, as that one writes it."""

    def __init__(self, read: Callable[[str], str], **options: Any) -> None:
        super().__init__(**options)
        self._read = read

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        try:
            return self._read(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None


def readable(text: str) -> None:
    """A validator: what must be a name that can be read (`shared.names`)."""
    fault = name_fault(text)
    if fault is not None:
        raise ValidationError(fault)
