"""The settings of alerts: `severity_words`, `flapping`, `silence` and `clocks` of the desk's settings file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from services.incident.domain.alert_rules import Clocks, Flapping, Silence, normal
from services.incident.domain.priority import Severity

_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?", re.ASCII)
_NEVER = ("never", False)
LONGEST = timedelta(days=400)


class Duration(fields.Field[timedelta]):
    """`3d`, `5h`, `15m`, `90s` or `1h30m`; with `zero`, nothing at all as well."""

    def __init__(self, *, zero: bool = False, **options: Any) -> None:
        self._zero = zero
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> timedelta:  # noqa: ARG002
        match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
        if match is not None:
            days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
            duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
            if duration <= LONGEST and (duration or self._zero):
                return duration
        raise ValidationError(f"{value!r} is not a duration, such as 3d, 5h, 15m or 1h30m, of at most 400d")


class DurationOrNever(Duration):
    """A duration, or `never`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> timedelta:
        # What is never done has no duration; the type of the field allows none where it allows null.
        return None if value in _NEVER else super()._deserialize(value, attr, data, **kwargs)  # type: ignore[return-value]


class _Strict(Schema):
    class Meta:
        unknown = RAISE


class FlappingSettings(_Strict):
    reopen_within = Duration(
        zero=True, load_default=Flapping().reopen_within, validate=validate.Range(max=timedelta(days=30))
    )
    times = fields.Integer(strict=True, load_default=Flapping().times, validate=validate.Range(2, 100))
    window = Duration(load_default=Flapping().window)
    settle = Duration(load_default=Flapping().settle)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Flapping:
        return Flapping(**data)


class SilenceSettings(_Strict):
    beside_cleared = DurationOrNever(load_default=Silence().beside_cleared)
    expire_after = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=255)), values=Duration(), load_default=dict
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Silence:
        return Silence(**data)


class ClockSettings(_Strict):
    far_off = Duration(load_default=Clocks().far_off)
    late = Duration(zero=True, load_default=Clocks().late)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Clocks:
        return Clocks(**data)


class SeverityWords(_Strict):
    """The words of each severity, and which one counts where there is none or an unknown one."""

    default = fields.Enum(Severity, by_value=True, load_default=Severity.WARNING)
    critical = fields.List(fields.String(), load_default=list)
    error = fields.List(fields.String(), load_default=list)
    warning = fields.List(fields.String(), load_default=list)
    info = fields.List(fields.String(), load_default=list)

    @validates_schema(skip_on_field_errors=True)
    def _means_one(self, data: Mapping[str, Any], **_: Any) -> None:
        known = {severity.value: severity for severity in Severity}
        faults: dict[str, list[str]] = {}
        for severity in Severity:
            for word in data[severity.value]:
                if not normal(word):
                    faults.setdefault(severity.value, []).append(f"{word!r} has no letter")
                elif known.setdefault(normal(word), severity) is not severity:
                    faults.setdefault(severity.value, []).append(f"{word!r} means {known[normal(word)]} already")
        if faults:
            raise ValidationError(faults)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> tuple[dict[str, Severity], Severity]:
        words = {severity.value: severity for severity in Severity}
        words |= {normal(word): severity for severity in Severity for word in data[severity.value]}
        return words, data["default"]
