"""Public holidays by country and subdivision, from the `holidays` package; `holidays` may also be a list of dates."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import date
from typing import Any

import holidays
from holidays import registry
from marshmallow import RAISE, Schema, ValidationError, fields

from services.sla.calendar_words import FIRST_YEAR, LAST_YEAR
from services.sla.holiday_sources.own_dates import OwnDates

KEY = "holidays"
_LANGUAGE = "en_US"
_ENTITIES = frozenset(name for names in (registry.COUNTRIES | registry.FINANCIAL).values() for name in names)
"""The countries and the markets; the package itself takes the name of anything that is in it."""


class _CountrySchema(Schema):
    class Meta:
        unknown = RAISE

    country = fields.String(required=True)
    subdivision = fields.String(load_default=None)
    categories = fields.List(fields.String(), load_default=None)
    language = fields.String(load_default=None)


class _Holidays(fields.Field[dict[date, str]]):
    """`{country: DE, subdivision: BY}`, with `categories` and the `language` of the names if wished."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[date, str]:
        if not isinstance(value, Mapping):
            found: dict[date, str] = OwnDates().deserialize(value, attr, data, **kwargs)
            return found
        return _country_holidays(**_CountrySchema().load(dict(value)))


def _country_holidays(
    country: str, subdivision: str | None, categories: list[str] | None, language: str | None
) -> dict[date, str]:
    """Names by date. Days off that are only some hours off, as some categories have them, are whole holidays here."""
    if country not in _ENTITIES:
        raise ValidationError({"country": [f"no holidays are known for {country!r}"]})
    entity = holidays.country_holidays(country)
    if subdivision is not None and subdivision not in (*entity.subdivisions, *entity.subdivisions_aliases):
        raise ValidationError({"subdivision": [f"no holidays are known for {subdivision!r} of {country}"]})
    unknown = [one for one in categories or () if one not in entity.supported_categories]
    if unknown:
        raise ValidationError({"categories": [f"{country} has {', '.join(entity.supported_categories)}"]})
    if language is not None and language not in entity.supported_languages:
        raise ValidationError({"language": [f"{country} has {', '.join(entity.supported_languages)}"]})
    # Without a language of its own the package would take that of the environment.
    english = _LANGUAGE if _LANGUAGE in entity.supported_languages else entity.default_language
    with warnings.catch_warnings():
        # Some countries are known for fewer years than are asked for.
        warnings.simplefilter("ignore", UserWarning)
        found = holidays.country_holidays(
            country,
            subdiv=subdivision,
            years=range(FIRST_YEAR, LAST_YEAR + 1),
            language=language or english,
            categories=tuple(categories) if categories else None,
        )
        return {day: str(name) for day, name in sorted(found.items()) if FIRST_YEAR <= day.year <= LAST_YEAR}


FIELD = _Holidays()
