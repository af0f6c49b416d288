"""Reads the settings file of sla: calendars and policies. Every fault is named at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates, validates_schema

from services.sla.calendar_settings import Calendars
from services.sla.calendar_words import FOLDER
from services.sla.domain.policy import Agreements, PolicySet
from services.sla.policy_settings import ONLY_VERSION, Rules, VersionSchema, faults_in_order, named_calendars
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
        versions = data.get("versions") or [PolicySet(version=ONLY_VERSION, rules=data["policies"])]
        return Agreements(versions=tuple(versions), calendars=data["calendars"])
