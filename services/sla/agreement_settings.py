"""Reads the further agreements of the settings file: each has a name, and policies or versions of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates, validates_schema

from services.sla.domain.policy import ALL, MAIN, PolicySet
from services.sla.policy_settings import (
    NAME,
    ONLY_VERSION,
    FurtherVersionSchema,
    Rules,
    faults_in_order,
    named_calendars,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """A further agreement as the file has it."""

    name: str
    internal: bool
    versions: tuple[PolicySet, ...]


class FurtherAgreements(fields.Field[tuple[Further, ...]]):
    """Agreements by name, in the order of the file. `main` and `all` are names that questions need."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[Further, ...]:  # noqa: ARG002
        if not isinstance(value, Mapping):
            raise ValidationError("must have agreements by name")
        faults, loaded = dict[str, Any](), list[Further]()
        for name, agreement in value.items():
            try:
                NAME(name if isinstance(name, str) else "")
                if name in (MAIN, ALL):
                    raise ValidationError(f"{name!r} is the name of {_TAKEN[name]}")
                loaded.append(Further(name=name, **_FurtherSchema().load(agreement)))
            except ValidationError as error:
                faults[str(name)] = error.messages
        if faults:
            raise ValidationError(faults)
        return tuple(loaded)


class _FurtherSchema(Schema):
    class Meta:
        unknown = RAISE

    internal = fields.Boolean(load_default=False)
    policies = Rules(further=True)
    versions = fields.List(fields.Nested(FurtherVersionSchema), validate=validate.Length(1))

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _fit(self, data: Any, original: Any, **_: Any) -> None:  # noqa: ARG002
        require_one(original)

    @validates("versions")
    def _follow(self, value: list[PolicySet], **_: Any) -> None:
        require_order(value)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"internal": data["internal"], "versions": versions_in(data)}


_TAKEN = {MAIN: "the agreement that takes every incident", ALL: "every agreement"}


def require_one(place: Any) -> None:
    """Raises ValidationError when a place has both policies and versions, or neither."""
    if isinstance(place, Mapping) and ("policies" in place) == ("versions" in place):
        raise ValidationError("there must be either policies or versions")


def require_order(versions: Sequence[Any]) -> None:
    """Raises ValidationError for versions that do not follow each other."""
    faults = list(faults_in_order([one for one in versions if isinstance(one, PolicySet)]))
    if faults:
        raise ValidationError(faults)


def versions_in(data: Mapping[str, Any]) -> tuple[PolicySet, ...]:
    """The versions that were read, or the policies as the only one."""
    return tuple(data.get("versions") or [PolicySet(version=ONLY_VERSION, rules=data["policies"])])


def calendars_named(place: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each policy's place and its calendar's name, in the file's own words, those of further agreements included."""
    yield from named_calendars(place)
    further = place.get("agreements")
    items: Iterable[tuple[Any, Any]] = further.items() if isinstance(further, Mapping) else ()
    for name, agreement in items:
        for path, calendar in named_calendars(agreement) if isinstance(agreement, Mapping) else ():
            yield ("agreements", str(name), *path), calendar
