"""Reads the thresholds of a policy: `75`, `{at: 125%}`, `{before: 30m}` or `{after: 2h}`, with actions and clocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from services.sla.domain.actions import Action
from services.sla.domain.mark import TARGET_PERCENT, Mark, Side
from services.sla.domain.policy import Agreed, Kind

_DURATION = re.compile(r"(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?", re.ASCII)
_PERCENT = re.compile(r"(\d{1,4})%", re.ASCII)
HIGHEST_PERCENT = 1000
_PLACES = ("at", "before", "after")


class Duration(fields.Field[timedelta]):
    """`4h`, `15m`, `90s` or `1h30m`: more than nothing, of open time."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> timedelta:  # noqa: ARG002
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
        duration = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if not duration:
            raise ValidationError(f"{value!r} is not a duration above zero, such as 4h, 15m or 1h30m")
        return duration


class _Percent(fields.Field[int]):
    """`75%`, or the number alone."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002
        match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
        percent = int(match[1]) if match else value
        if isinstance(percent, bool) or not isinstance(percent, int) or not 1 <= percent <= HIGHEST_PERCENT:
            raise ValidationError(f"{value!r} is not a part of the target from 1% to {HIGHEST_PERCENT}%")
        return percent


class _ThresholdSchema(Schema):
    class Meta:
        unknown = RAISE

    at = _Percent()
    before = Duration()
    after = Duration()
    actions = fields.List(fields.Enum(Action, by_value=True), load_default=list)
    clocks = fields.List(fields.Enum(Kind, by_value=True), load_default=lambda: list(Kind), validate=validate.Length(1))

    @validates_schema(skip_on_field_errors=True)
    def _lies_somewhere(self, data: Mapping[str, Any], **_: Any) -> None:
        if sum(place in data for place in _PLACES) != 1:
            raise ValidationError(f"must have one of {', '.join(_PLACES)}")
        if data.get("at") == TARGET_PERCENT and not data["actions"]:
            raise ValidationError("the breach at 100% needs no naming, unless it has actions")
        if len(set(data["actions"])) < len(data["actions"]):
            raise ValidationError("an action is named twice")

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Agreed:
        offset = data.get("after", timedelta(0)) - data.get("before", timedelta(0))
        mark = Mark(
            percent=data.get("at", TARGET_PERCENT),
            offset_seconds=int(offset.total_seconds()),
            actions=tuple(data["actions"]),
        )
        return Agreed(mark=mark, clocks=frozenset(data["clocks"]))


class ThresholdField(fields.Field[Agreed]):
    """One threshold; a bare number is a percent without actions."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Agreed:  # noqa: ARG002
        written = value if isinstance(value, Mapping) else {"at": value}
        agreed: Agreed = _ThresholdSchema().load(written)
        return agreed


def do_rise(thresholds: Sequence[Agreed]) -> bool:
    """Whether the percents among them are in order."""
    percents = [one.mark.percent for one in thresholds if not one.mark.offset_seconds]
    return all(before <= after for before, after in pairwise(percents))


def faults_of(thresholds: Sequence[Agreed], targets: Mapping[Kind, timedelta]) -> Iterator[str]:
    """What is wrong with a policy's thresholds beside each other and its targets."""
    for number, one in enumerate(thresholds):
        name = one.mark.name
        if any(other.mark.name == name and other.clocks & one.clocks for other in thresholds[:number]):
            yield f"{name} is named twice for one clock"
        kinds = [kind for kind in targets if kind in one.clocks]
        early = [kind for kind in kinds if one.mark.amount(targets[kind]) <= timedelta(0)]
        if one.mark.side is Side.BEFORE and early:
            yield f"{name} is no later than the start of the {early[0].value} clock; name the `clocks` that have it"
