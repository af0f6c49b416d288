"""What a policy is chosen by: fields of the incident's snapshot, and conditions on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Field(StrEnum):
    """The fields that a rule may read. One that a snapshot does not have fits no condition."""

    ORGANISATION = "organisation"
    CONTRACT = "contract"
    SERVICE = "service"
    KIND = "kind"
    PRIORITY = "priority"
    CATEGORY = "category"
    LEVEL = "level"


Value = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The fields of one version of an incident that matching reads; None for what is not known."""

    priority: str
    organisation: str | None = None
    contract: str | None = None
    service: str | None = None
    kind: str | None = None
    category: str | None = None
    level: int | None = None

    def value(self, field: Field) -> Value | None:
        """What the incident has in this field."""
        value: Value | None = getattr(self, field.value)
        return value


def differences(before: Basis, after: Basis) -> tuple[Field, ...]:
    """The fields in which two versions of an incident differ."""
    return tuple(field for field in Field if before.value(field) != after.value(field))


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The field must have one of the values."""

    field: Field
    values: tuple[Value, ...]

    def holds(self, basis: Basis) -> bool:
        """Whether the incident meets it."""
        return basis.value(self.field) in self.values

    def implies(self, other: Condition) -> bool:
        """Whether all that meet this one meet the other."""
        return self.field is other.field and set(self.values) <= set(other.values)
