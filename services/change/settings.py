"""The settings of change: the templates of standard changes (deploy/settings/change.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from marshmallow import Schema, ValidationError, fields, post_load, validate

from services.change.domain.change import Degree
from services.change.domain.templates import Template
from shared.config import SettingsError

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


def read_templates(path: Path) -> Mapping[str, Template]:
    """The templates that the file holds, by name.

    Raises SettingsError, which names every fault with its place.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        # ValueError is text that is not UTF-8, or a date that is none.
        raise SettingsError(f"{path}: {error}") from None
    try:
        settings = ChangeSettingsSchema().load(document or {})
    except ValidationError as error:
        raise SettingsError(f"{path}: {'; '.join(faults(error.messages))}") from None
    return {name: Template(name=name, **given) for name, given in settings["templates"].items()}


def faults(messages: object, place: str = "") -> list[str]:
    """Every fault of marshmallow's messages, each with the place in the file where it is."""
    if isinstance(messages, dict):
        return [fault for name, below in messages.items() for fault in faults(below, f"{place}/{name}")]
    if isinstance(messages, list):
        return [f"{place}: {message}" for message in messages]
    return [f"{place}: {messages}"]
