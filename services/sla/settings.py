"""Reads the settings file of sla: calendars and policies. Every fault is named at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates, validates_schema

from services.sla.domain.calendar import Calendar, Interval
from services.sla.domain.policy import Agreements, PolicySet
from services.sla.policy_settings import NAME, ONLY_VERSION, Rules, VersionSchema, faults_in_order, named_calendars
from shared.errors import Invalid

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_INTERVAL = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})", re.ASCII)
_WHOLE_DAY = timedelta(days=1)


class _Loader(yaml.SafeLoader):
    """Leaves dates as text: YAML would refuse the whole file for a wrong one, without its place among the others."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def load(path: Path) -> Agreements:
    """Read the file. Raises Invalid (`bad-settings`) when it cannot be read or has faults; the message names all."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: {error}", slug="bad-settings") from None
    return parse_agreements(text, name=str(path))


def parse_agreements(text: str, *, name: str) -> Agreements:
    """The agreements that a settings file holds. Raises Invalid (`bad-settings`) that names every fault's place."""
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 (a safe loader that knows less)
    except yaml.YAMLError as error:
        raise Invalid(f"{name} is not YAML: {error}", slug="bad-settings") from None
    if not isinstance(document, Mapping):
        raise Invalid(f"{name} must have calendars and policies", slug="bad-settings")
    try:
        agreements: Agreements = _AgreementsSchema().load(dict(document))
    except ValidationError as error:
        faults = "; ".join(sorted(_faults(error.messages)))
        raise Invalid(f"{name}: {faults}", slug="bad-settings") from None
    return agreements


def _faults(messages: Any, place: str = "") -> Iterator[str]:
    if isinstance(messages, Mapping):
        for name, below in messages.items():
            # marshmallow files the faults of a mapping's entries under "key" and "value", beside its own "_schema".
            inner = place if name in ("_schema", "key", "value") else f"{place}.{name}".lstrip(".")
            yield from _faults(below, inner)
    elif isinstance(messages, list):
        for message in messages:
            yield from _faults(message, place)
    else:
        yield f"{place}: {messages}".rstrip(".")


class _Day(fields.Field[date]):
    """`2026-12-24`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:  # noqa: ARG002
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise ValidationError(f"{value!r} is not a date such as 2026-12-24") from None


class _Opening(fields.Field[Interval]):
    """`08:00-12:00`, half-open; `24:00` is the end of the day."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Interval:  # noqa: ARG002
        match = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValidationError(f"{value!r} is not an interval such as 08:00-12:00")
        hours, minutes, to_hours, to_minutes = (int(part) for part in match.groups())
        opens = timedelta(hours=hours, minutes=minutes)
        closes = timedelta(hours=to_hours, minutes=to_minutes)
        if minutes > 59 or to_minutes > 59 or not opens < closes <= _WHOLE_DAY:
            raise ValidationError(f"{value!r} must open before it closes, within one day")
        return Interval(opens=opens, closes=closes)


class _WeekSchema(Schema):
    class Meta:
        unknown = RAISE
        include = {day: fields.List(_Opening(), load_default=list) for day in WEEKDAYS}  # noqa: RUF012

    @validates_schema(skip_on_field_errors=True)
    def _in_order(self, data: Mapping[str, list[Interval]], **_: Any) -> None:
        faults = {
            day: ["intervals must be in order and must not overlap"]
            for day, openings in data.items()
            if any(before.closes > after.opens for before, after in pairwise(openings))
        }
        if faults:
            raise ValidationError(faults)
        if not any(data.values()):
            raise ValidationError("a calendar must be open at some time")


class _CalendarSchema(Schema):
    class Meta:
        unknown = RAISE

    zone = fields.String(required=True)
    week = fields.Nested(_WeekSchema, required=True)
    holidays = fields.List(_Day(), load_default=list)

    @validates("zone")
    def _is_known(self, value: str, **_: Any) -> None:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, KeyError):
            raise ValidationError(f"{value!r} is not an IANA time zone") from None


class _AgreementsSchema(Schema):
    class Meta:
        unknown = RAISE

    calendars = fields.Dict(keys=fields.String(validate=NAME), values=fields.Nested(_CalendarSchema), required=True)
    policies = Rules()
    versions = fields.List(fields.Nested(VersionSchema), validate=validate.Length(1))

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _fit(self, data: Any, original: Any, **_: Any) -> None:  # noqa: ARG002
        """Judged on the file's own words, so that these faults are named beside those of single fields."""
        if ("policies" in original) == ("versions" in original):
            raise ValidationError("there must be either policies or versions")
        calendars = original.get("calendars")
        if not isinstance(calendars, Mapping):
            return
        faults = dict[str, Any]()
        for path, named in named_calendars(original):
            if named not in calendars:
                place = faults
                for name in path:
                    place = place.setdefault(name, {})
                place["_schema"] = [f"there is no calendar {named!r}"]
        if faults:
            raise ValidationError(faults)

    @validates("versions")
    def _follow(self, value: list[PolicySet], **_: Any) -> None:
        faults = list(faults_in_order([one for one in value if isinstance(one, PolicySet)]))
        if faults:
            raise ValidationError(faults)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Agreements:
        calendars = {
            name: Calendar(
                name=name,
                zone=one["zone"],
                week=tuple(tuple(one["week"][day]) for day in WEEKDAYS),
                holidays=frozenset(one["holidays"]),
            )
            for name, one in data["calendars"].items()
        }
        versions = data.get("versions") or [PolicySet(version=ONLY_VERSION, rules=data["policies"])]
        return Agreements(versions=tuple(versions), calendars=calendars)
