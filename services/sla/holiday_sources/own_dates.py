"""Dates written down in the settings, with or without a name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from services.sla.calendar_words import NAME, Day

KEY = "dates"
UNNAMED = "holiday"


class _NamedSchema(Schema):
    class Meta:
        unknown = RAISE

    date = Day(required=True)
    name = fields.String(validate=NAME, load_default=UNNAMED)


class OwnDates(fields.Field[dict[date, str]]):
    """A list of `2026-12-24` and `{date: 2026-12-24, name: Christmas Eve}`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[date, str]:  # noqa: ARG002
        if not isinstance(value, list):
            raise ValidationError("must be a list of dates")
        found: dict[date, str] = {}
        faults: dict[int, Any] = {}
        for place, one in enumerate(value):
            try:
                named = _NamedSchema().load(dict(one) if isinstance(one, Mapping) else {"date": one})
            except ValidationError as error:
                messages: Any = error.messages
                faults[place] = messages if isinstance(one, Mapping) or "date" not in messages else messages["date"]
                continue
            found[named["date"]] = named["name"]
        if faults:
            raise ValidationError(faults)
        return found


FIELD = OwnDates()
