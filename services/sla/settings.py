"""Reads the settings file of sla: calendars, policies and further agreements. Every fault is named at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates, validates_schema

from services.sla.agreement_settings import (
    FurtherAgreements,
    calendars_named,
    require_one,
    require_order,
    versions_in,
)
from services.sla.calendar_settings import Calendars
from services.sla.calendar_words import FOLDER
from services.sla.domain.policy import Agreements, PolicySet
from services.sla.policy_settings import Rules, VersionSchema
from shared import settings_file


def load(path: Path) -> Agreements:
    """Read the file. Raises SettingsError when it cannot be read or has faults; the message names all."""
    return parse_agreements(settings_file.read(path), name=str(path), folder=path.parent)


def parse_agreements(text: str, *, name: str, folder: Path | None = None) -> Agreements:
    """The agreements that a settings file holds. Raises SettingsError that names every fault's place.

    Files that it names are looked for in `folder`.
    """
    token = FOLDER.set(folder or Path())
    try:
        agreements: Agreements = settings_file.parse(text, _AgreementsSchema(), name=name)
    finally:
        FOLDER.reset(token)
    return agreements


class _AgreementsSchema(Schema):
    class Meta:
        unknown = RAISE

    calendars = Calendars(required=True)
    policies = Rules()
    versions = fields.List(fields.Nested(VersionSchema), validate=validate.Length(1))
    agreements = FurtherAgreements(load_default=())

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _fit(self, data: Any, original: Any, **_: Any) -> None:  # noqa: ARG002
        """Judged on the file's own words, so that these faults are named beside those of single fields."""
        require_one(original)
        calendars = original.get("calendars")
        if not isinstance(calendars, Mapping):
            return
        faults = dict[str, Any]()
        for path, named in calendars_named(original):
            if named not in calendars:
                place = faults
                for name in path:
                    place = place.setdefault(name, {})
                place["_schema"] = [f"there is no calendar {named!r}"]
        if faults:
            raise ValidationError(faults)

    @validates("versions")
    def _follow(self, value: list[PolicySet], **_: Any) -> None:
        require_order(value)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Agreements:
        calendars = data["calendars"]
        further = (
            Agreements(versions=one.versions, calendars=calendars, name=one.name, internal=one.internal)
            for one in data["agreements"]
        )
        return Agreements(versions=versions_in(data), calendars=calendars, further=tuple(further))
