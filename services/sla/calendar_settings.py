"""Reads the calendars of the settings file: hours, holidays, exceptions, versions and unions, every fault in its place.

What a version does not say stays as it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from itertools import pairwise
from typing import Any, cast

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates, validates_schema

from services.sla.calendar_words import NAME, Day, Moment, Opening, WeekHours, in_order
from services.sla.domain.calendar import CLOSED_WEEK, Calendar, SpecialDay, Version
from services.sla.domain.zone import start_of, zone_names
from services.sla.holiday_sources import SOURCES
from services.sla.union_settings import union_faults

CALENDAR_NAME = validate.Regexp(r"^[a-z0-9][a-z0-9_-]{0,63}\Z", error="must be lower-case letters, digits, - and _")
UNION_ZONE = "UTC"
"""In which zone a union without one tells dates."""
Document = dict[str, Any]
_CLOSED = {True, "yes", "Yes", "YES", "on", "On", "ON"}
"""As files have it that were written for YAML 1.1."""


class _ExceptionSchema(Schema):
    class Meta:
        unknown = RAISE

    date = Day(required=True)
    closed = fields.Boolean(truthy=_CLOSED, falsy=set(), load_default=False)
    hours = fields.List(Opening(), load_default=list, validate=validate.Length(1))
    name = fields.String(validate=NAME, load_default="exception")

    @validates_schema(skip_on_field_errors=True)
    def _closed_or_open(self, data: Document, **_: Any) -> None:
        if data["closed"] == bool(data["hours"]):
            raise ValidationError("must be either closed: true or have hours")
        if not in_order(data["hours"]):
            raise ValidationError({"hours": ["intervals must be in order and must not overlap"]})


class _RulesSchema(Schema):
    class Meta:
        unknown = RAISE
        include = dict(SOURCES)  # noqa: RUF012

    zone = fields.String()
    week = WeekHours()
    exceptions = fields.List(fields.Nested(_ExceptionSchema))
    union = fields.List(fields.String(), validate=validate.Length(1))

    @validates("zone")
    def _is_known(self, value: str, **_: Any) -> None:
        if value not in zone_names():
            raise ValidationError(f"{value!r} is not an IANA time zone")

    @validates("exceptions")
    def _once(self, value: list[Document], **_: Any) -> None:
        days = [one.get("date") for one in value]
        faults = {
            place: {"date": ["has an exception already"]} for place, day in enumerate(days) if day in days[:place]
        }
        if faults:
            raise ValidationError(cast(Any, faults))


class _VersionSchema(_RulesSchema):
    effective_from = Moment(required=True)


class _CalendarSchema(_RulesSchema):
    versions = fields.List(fields.Nested(_VersionSchema), load_default=list)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _whole(self, data: Document, original: Any, **_: Any) -> None:  # noqa: ARG002
        """Judged on the file's own words, so that a field with a fault is not called missing, too."""
        if not isinstance(original, Mapping) or "union" in original:
            return
        faults = {name: ["Missing data for required field."] for name in ("zone", "week") if name not in original}
        if faults:
            raise ValidationError(faults)

    @validates_schema(skip_on_field_errors=True)
    def _sensible(self, data: Document, **_: Any) -> None:
        """Each version, with what it takes over, opens at some time; they start one after the other."""
        faults: Document = {}
        for place, rules in enumerate(_in_force(data)):
            if rules.get("week", CLOSED_WEEK) == CLOSED_WEEK and "union" not in rules:
                fault = {"week": ["a calendar must be open at some time"]}
                faults |= fault if place == 0 else {"versions": {place - 1: fault}}
        if faults:
            raise ValidationError(faults)
        instants = [_instant(rules) for rules in list(_in_force(data))[1:]]
        for place, (before, after) in enumerate(pairwise(instants), start=1):
            if before >= after:
                raise ValidationError(
                    {"versions": {place: {"effective_from": ["must be after that of the one ahead"]}}}
                )


class Calendars(fields.Dict):
    """The calendars of the settings by name; members of unions are looked up among them."""

    def __init__(self, **kwargs: Any) -> None:
        keys = fields.String(validate=CALENDAR_NAME)
        super().__init__(keys=keys, values=fields.Nested(_CalendarSchema), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Calendar]:
        faults: Document = {}
        try:
            loaded = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            loaded, faults = {}, error.messages
        for name, place, fault in union_faults(value):
            below = faults.setdefault(name, {}).setdefault("value", {})
            for step in place:
                below = below.setdefault(step, {})
            below.setdefault("union", []).append(fault)
        if faults:
            raise ValidationError(faults)
        return _build(loaded)


def _in_force(data: Document) -> Iterator[Document]:
    """The rules of each version, the first from the beginning, with what it takes over."""
    rules = {name: value for name, value in data.items() if name != "versions"}
    yield rules
    for version in data["versions"]:
        rules = rules | version
        yield rules


def _instant(rules: Document) -> datetime:
    """When a version takes over: a date is its first moment in the zone that then holds."""
    at: datetime | date = rules["effective_from"]
    return at if isinstance(at, datetime) else start_of(rules.get("zone", UNION_ZONE), at)


def _build(loaded: Mapping[str, Document]) -> dict[str, Calendar]:
    built: dict[str, Calendar] = {}

    def get(name: str) -> Calendar:
        if name not in built:
            built[name] = _calendar(name, loaded[name], get)
        return built[name]

    return {name: get(name) for name in loaded}


def _calendar(name: str, data: Document, get: Callable[[str], Calendar]) -> Calendar:
    first, *later = _in_force(data)
    versions = tuple(Version(effective_from=_instant(one), calendar=_rules(name, one, get)) for one in later)
    return _rules(name, first, get, versions)


def _rules(name: str, rules: Document, get: Callable[[str], Calendar], versions: tuple[Version, ...] = ()) -> Calendar:
    named = [rules[key] for key in SOURCES if key in rules]
    return Calendar(
        name=name,
        zone=rules.get("zone", UNION_ZONE),
        week=rules.get("week", CLOSED_WEEK),
        holidays={day: name for source in named for day, name in source.items()},
        exceptions={
            one["date"]: SpecialDay(name=one["name"], intervals=tuple(one["hours"]))
            for one in rules.get("exceptions", ())
        },
        union=tuple(get(member) for member in rules.get("union", ())),
        versions=versions,
    )
