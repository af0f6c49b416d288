"""The settings of problem: when incidents recur (deploy/settings/problem.yaml)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import yaml
from marshmallow import Schema, ValidationError, fields, validate

from services.problem.domain.recurrence import Rule
from shared.config import SettingsError


class RecurrenceSchema(Schema):
    """`recurrence`: how many incidents within how many days make a problem."""

    window_days = fields.Float(required=True, validate=validate.Range(min=0, min_inclusive=False, max=366))
    count = fields.Integer(required=True, strict=True, validate=validate.Range(min=2, max=1000))


class ProblemSettingsSchema(Schema):
    """The file as a whole."""

    recurrence = fields.Nested(RecurrenceSchema, required=True)


def read_rule(path: Path) -> Rule:
    """The rule of recurrence that the file holds.

    Raises SettingsError, which names every fault with its place.
    """
    try:
        settings = ProblemSettingsSchema().load(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {error}") from None
    except ValidationError as error:
        raise SettingsError(f"{path}: {'; '.join(faults(error.messages))}") from None
    recurrence = settings["recurrence"]
    return Rule(window=timedelta(days=recurrence["window_days"]), count=recurrence["count"])


def faults(messages: object, place: str = "") -> list[str]:
    """Every fault of marshmallow's messages, each with the place in the file where it is."""
    if isinstance(messages, dict):
        return [fault for name, below in messages.items() for fault in faults(below, f"{place}/{name}")]
    if isinstance(messages, list):
        return [f"{place}: {message}" for message in messages]
    return [f"{place}: {messages}"]
