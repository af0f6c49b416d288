"""The desk's settings file: priorities from impact and urgency, weights of severities, lanes, alerts, gaps.

What is younger than the first three parts may be missing: a file that was written before goes on to hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from services.incident.domain.alert_rules import AlertRules, Clocks, Flapping, Silence
from services.incident.domain.desk import GAP_AFTER, DeskRules
from services.incident.domain.priority import PriorityTable, Severity, Weight
from services.incident.domain.record import Degree, Priority
from services.incident.schemas.alert_settings import (
    ClockSettings,
    Duration,
    FlappingSettings,
    SeverityWords,
    SilenceSettings,
)
from shared import settings_file
from shared.envelope import Lane


class _Weight(Schema):
    impact = fields.Enum(Degree, by_value=True, required=True)
    urgency = fields.Enum(Degree, by_value=True, required=True)


class DeskSettings(Schema):
    """`priorities` is a table of tables, impact first; nothing may be missing and nothing else may be there."""

    class Meta:
        unknown = RAISE

    priorities = fields.Dict(
        keys=fields.Enum(Degree, by_value=True),
        values=fields.Dict(keys=fields.Enum(Degree, by_value=True), values=fields.Enum(Priority, by_value=True)),
        required=True,
    )
    severities = fields.Dict(keys=fields.Enum(Severity, by_value=True), values=fields.Nested(_Weight), required=True)
    lanes = fields.Dict(
        keys=fields.Enum(Priority, by_value=True),
        values=fields.String(validate=validate.OneOf([lane.label for lane in Lane])),
        required=True,
    )
    severity_words = fields.Nested(SeverityWords)
    flapping = fields.Nested(FlappingSettings, load_default=Flapping)
    silence = fields.Nested(SilenceSettings, load_default=Silence)
    clocks = fields.Nested(ClockSettings, load_default=Clocks)
    gap_after = Duration(load_default=GAP_AFTER)

    @validates_schema
    def complete(self, data: Mapping[str, Any], **_: Any) -> None:
        faults: dict[str, list[str]] = {}
        for impact in Degree:
            row = data["priorities"].get(impact, {})
            for urgency in Degree:
                if urgency not in row:
                    faults.setdefault("priorities", []).append(f"impact {impact}, urgency {urgency} is missing")
        for field, kind in (("severities", Severity), ("lanes", Priority)):
            for member in kind:
                if member not in data[field]:
                    faults.setdefault(field, []).append(f"{member} is missing")
        if faults:
            raise ValidationError(faults)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> DeskRules:
        rules = AlertRules(flapping=data["flapping"], silence=data["silence"], clocks=data["clocks"])
        if "severity_words" in data:
            words, default = data["severity_words"]
            rules = replace(rules, words=words, default=default)
        return DeskRules(priorities=_table(data), alerts=rules, gap_after=data["gap_after"])


def _table(data: Mapping[str, Any]) -> PriorityTable:
    return PriorityTable(
        priorities={
            (impact, urgency): priority
            for impact, row in data["priorities"].items()
            for urgency, priority in row.items()
        },
        severities={severity: Weight(**weight) for severity, weight in data["severities"].items()},
        lanes=data["lanes"],
    )


def load_settings(path: Path) -> DeskRules:
    """Read and judge the file. Raises SettingsError that names every fault with its place."""
    rules: DeskRules = settings_file.load(path, DeskSettings())
    return rules
