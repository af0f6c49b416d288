"""The settings of change: the templates of standard changes (deploy/settings/change.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from services.change.domain.change import Degree
from services.change.domain.templates import Template
from shared import settings_file

NAME = validate.Length(min=1, max=255)


class TemplateSchema(Schema):
    """One template; no `services` means that it is for all."""

    title = fields.String(required=True, validate=NAME)
    risk = fields.Enum(Degree, by_value=True, required=True)
    impact = fields.Enum(Degree, by_value=True, required=True)
    approved_by = fields.String(required=True, validate=NAME)
    services = fields.List(fields.String(validate=NAME), load_default=list)

    @post_load
    def _freeze(self, given: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**given, "services": tuple(given["services"])}


class ChangeSettingsSchema(Schema):
    """The file as a whole."""

    templates = fields.Dict(keys=fields.String(validate=NAME), values=fields.Nested(TemplateSchema), load_default=dict)

    @post_load
    def _make(self, given: dict[str, Any], **_: Any) -> Mapping[str, Template]:
        return {name: Template(name=name, **template) for name, template in given["templates"].items()}


def read_templates(path: Path) -> Mapping[str, Template]:
    """The templates that the file holds, by name. Raises SettingsError, which names every fault with its place."""
    templates: Mapping[str, Template] = settings_file.load(path, ChangeSettingsSchema())
    return templates
