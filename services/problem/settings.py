"""The settings of problem: when incidents recur (deploy/settings/problem.yaml)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from services.problem.domain.recurrence import Rule
from shared import settings_file


class RecurrenceSchema(Schema):
    """`recurrence`: how many incidents within how many days make a problem."""

    window_days = fields.Float(required=True, validate=validate.Range(min=0, min_inclusive=False, max=366))
    count = fields.Integer(required=True, strict=True, validate=validate.Range(min=2, max=1000))


class ProblemSettingsSchema(Schema):
    """The file as a whole."""

    recurrence = fields.Nested(RecurrenceSchema, required=True)

    @post_load
    def _make(self, given: dict[str, Any], **_: Any) -> Rule:
        recurrence = given["recurrence"]
        return Rule(window=timedelta(days=recurrence["window_days"]), count=recurrence["count"])


def read_rule(path: Path) -> Rule:
    """The rule of recurrence that the file holds. Raises SettingsError, which names every fault with its place."""
    rule: Rule = settings_file.load(path, ProblemSettingsSchema())
    return rule
