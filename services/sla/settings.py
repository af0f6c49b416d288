"""Reads the settings file of sla: calendars, and one policy for each priority. Every fault is named at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates, validates_schema

from services.sla.calendar_settings import CALENDAR_NAME, Calendars
from services.sla.calendar_words import FOLDER
from services.sla.domain.policy import HIDDEN, PRIORITIES, WAITING_REASONS, Agreements, Policy, StopsAt
from shared.errors import Invalid

_DURATION = re.compile(r"(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?", re.ASCII)


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
    return parse_agreements(text, name=str(path), folder=path.parent)


def parse_agreements(text: str, *, name: str, folder: Path | None = None) -> Agreements:
    """The agreements that a settings file holds. Raises Invalid (`bad-settings`) that names every fault's place.

    Files that it names are looked for in `folder`.
    """
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 (a safe loader that knows less)
    except yaml.YAMLError as error:
        raise Invalid(f"{name} is not YAML: {error}", slug="bad-settings") from None
    if not isinstance(document, Mapping):
        raise Invalid(f"{name} must have calendars and policies", slug="bad-settings")
    token = FOLDER.set(folder or Path())
    try:
        agreements: Agreements = _AgreementsSchema().load(dict(document))
    except ValidationError as error:
        faults = "; ".join(sorted(_faults(error.messages)))
        raise Invalid(f"{name}: {faults}", slug="bad-settings") from None
    finally:
        FOLDER.reset(token)
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


class _Duration(fields.Field[timedelta]):
    """`4h`, `15m`, `90s` or `1h30m`: more than nothing, of open time."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> timedelta:  # noqa: ARG002
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
        duration = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if not duration:
            raise ValidationError(f"{value!r} is not a duration above zero, such as 4h, 15m or 1h30m")
        return duration


class _PolicySchema(Schema):
    class Meta:
        unknown = RAISE

    name = fields.String(required=True, validate=CALENDAR_NAME)
    calendar = fields.String(required=True)
    response = _Duration(required=True)
    resolution = _Duration(required=True)
    thresholds = fields.List(fields.Integer(strict=True, validate=validate.Range(1, 99)), load_default=list)
    response_stops_at = fields.Enum(StopsAt, by_value=True, load_default=StopsAt.EITHER)
    pauses = fields.List(fields.String(validate=validate.OneOf((*WAITING_REASONS, HIDDEN))), load_default=list)

    @validates("thresholds")
    def _rise(self, value: list[int], **_: Any) -> None:
        if any(before >= after for before, after in pairwise(value)):
            raise ValidationError("must rise")

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Policy:
        return Policy(**{**data, "thresholds": tuple(data["thresholds"]), "pauses": frozenset(data["pauses"])})


class _AgreementsSchema(Schema):
    class Meta:
        unknown = RAISE

    calendars = Calendars(required=True)
    policies = fields.Dict(
        keys=fields.String(validate=validate.OneOf(PRIORITIES)), values=fields.Nested(_PolicySchema), required=True
    )

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _fit(self, data: Any, original: Any, **_: Any) -> None:  # noqa: ARG002
        """Judged on the file's own words, so that these faults are named beside those of single fields."""
        calendars, policies = original.get("calendars"), original.get("policies")
        if not isinstance(calendars, Mapping) or not isinstance(policies, Mapping):
            return
        faults: dict[str, Any] = {name: ["there is no policy for it"] for name in PRIORITIES if name not in policies}
        for priority, policy in policies.items():
            named = policy.get("calendar") if isinstance(policy, Mapping) else None
            if isinstance(named, str) and named not in calendars:
                faults[str(priority)] = {"calendar": [f"there is no calendar {named!r}"]}
        if faults:
            raise ValidationError({"policies": faults})

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Agreements:
        return Agreements(policies=data["policies"], calendars=data["calendars"])
