"""Reads the policies of the settings file: rules in order, in one version or several, or the short form by priority."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates, validates_schema

from services.sla.calendar_words import WrittenInstant
from services.sla.domain.basis import Basis, Condition, Field, Value
from services.sla.domain.kinds import KINDS, Kind
from services.sla.domain.policy import (
    HIDDEN,
    PRIORITIES,
    WAITING_REASONS,
    Agreed,
    OnReopen,
    Policy,
    PolicySet,
    Rule,
    StopsAt,
)
from services.sla.threshold_settings import Duration, ThresholdField, do_rise, faults_of

NAME = validate.Regexp(r"^[a-z0-9][a-z0-9_-]{0,63}\Z", error="must be lower-case letters, digits, - and _")
_VERSION = validate.Regexp(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", error="must be letters, digits, ., - and _")
INCIDENT_KINDS = ("incident", "request")
LEVELS = (1, 2, 3, 4)
ONLY_VERSION = "1"
"""The version of policies that the file gives without versions: they hold since ever."""


class _Values(fields.Field[tuple[Value, ...]]):
    """One value or a list of them, each a text, or one of `known` where the field has only so many."""

    def __init__(self, *known: Value) -> None:
        super().__init__()
        self._known = known

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[Value, ...]:  # noqa: ARG002
        values = value if isinstance(value, list) else [value]
        for one in values:
            if self._known and (isinstance(one, bool) or one not in self._known):
                raise ValidationError(f"{one!r} is not one of {', '.join(map(str, self._known))}")
            if not self._known and not (isinstance(one, str) and one):
                raise ValidationError(f"{one!r} is not a text")
        if not values:
            raise ValidationError("an empty list takes nothing")
        return tuple(values)


class _WhenSchema(Schema):
    class Meta:
        unknown = RAISE

    organisation = _Values()
    contract = _Values()
    service = _Values()
    kind = _Values(*INCIDENT_KINDS)
    priority = _Values(*PRIORITIES)
    category = _Values()
    level = _Values(*LEVELS)

    @post_load
    def _make(self, data: dict[str, tuple[Value, ...]], **_: Any) -> tuple[Condition, ...]:
        return tuple(Condition(field=Field(name), values=values) for name, values in data.items())


class _FurtherPolicySchema(Schema):
    """A policy of a further agreement, which has whatever targets it names."""

    class Meta:
        unknown = RAISE
        include = {kind.value: Duration() for kind in Kind}  # noqa: RUF012

    name = fields.String(required=True, validate=NAME)
    calendar = fields.String(required=True)
    thresholds = fields.List(ThresholdField(), load_default=list)
    response_stops_at = fields.Enum(StopsAt, by_value=True, load_default=StopsAt.EITHER)
    on_reopen = fields.Enum(OnReopen, by_value=True, load_default=OnReopen.CONTINUE)
    pauses = fields.List(fields.String(validate=validate.OneOf((*WAITING_REASONS, HIDDEN))), load_default=list)

    @validates("thresholds")
    def _rise(self, value: list[Agreed | None], **_: Any) -> None:
        if not do_rise([one for one in value if isinstance(one, Agreed)]):
            raise ValidationError("percents must rise")

    @validates_schema(skip_on_field_errors=True)
    def _thresholds_fit(self, data: Mapping[str, Any], **_: Any) -> None:
        targets = {kind: data[kind.value] for kind in Kind if kind.value in data}
        if not targets:
            raise ValidationError(f"must have a target for one of {', '.join(Kind)}")
        faults = list(faults_of(data["thresholds"], targets))
        if faults:
            raise ValidationError({"thresholds": faults})

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Rule:
        conditions = data.pop("when", ())
        data["others"] = {kind: data.pop(kind) for kind in Kind if not KINDS[kind].required and kind in data}
        policy = Policy(**{**data, "thresholds": tuple(data["thresholds"]), "pauses": frozenset(data["pauses"])})
        return Rule(policy=policy, conditions=conditions)


class _PolicySchema(_FurtherPolicySchema):
    """A policy of the first agreement."""

    class Meta:
        include = {kind.value: Duration(required=True) for kind in Kind if KINDS[kind].required}  # noqa: RUF012


class _RuleSchema(_PolicySchema):
    when = fields.Nested(_WhenSchema, load_default=())


class _FurtherRuleSchema(_FurtherPolicySchema):
    when = fields.Nested(_WhenSchema, load_default=())


class Rules(fields.Field[tuple[Rule, ...]]):
    """A list of rules, of which the first that takes an incident wins, or one policy for each priority.

    Those of a `further` agreement need not take every incident, nor have the targets that the first one's must have.
    """

    def __init__(self, *, further: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._further = further

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[Rule, ...]:  # noqa: ARG002
        if isinstance(value, Mapping):
            return _by_priority(value, further=self._further)
        if isinstance(value, list) and value:
            return _in_order(value, further=self._further)
        raise ValidationError("must be a list of rules, or one policy for each priority")


class VersionSchema(Schema):
    """`version`, `effective_from` (with its offset from UTC) and the `policies` for records that begin from then on."""

    class Meta:
        unknown = RAISE

    version = fields.String(required=True, validate=_VERSION)
    effective_from = WrittenInstant(required=True)
    policies = Rules(required=True)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> PolicySet:
        return PolicySet(version=data["version"], rules=data["policies"], effective_from=data["effective_from"])


class FurtherVersionSchema(VersionSchema):
    """The same of a further agreement."""

    policies = Rules(required=True, further=True)


def named_calendars(place: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each policy's place and its calendar's name, in the file's own words; what is no policy is left out."""
    versions = place.get("versions")
    for number, version in enumerate(versions if isinstance(versions, list) else []):
        if isinstance(version, Mapping):
            for path, calendar in named_calendars({"policies": version.get("policies")}):
                yield ("versions", str(number), *path), calendar
    policies = place.get("policies")
    items = policies.items() if isinstance(policies, Mapping) else enumerate(_list(policies))
    for name, policy in cast(Iterable[tuple[Any, Any]], items):
        named = policy.get("calendar") if isinstance(policy, Mapping) else None
        if isinstance(named, str):
            yield ("policies", str(name), "calendar"), named


def faults_in_order(versions: Sequence[PolicySet]) -> Iterator[str]:
    """What is wrong with how versions follow each other."""
    if len({one.version for one in versions}) < len(versions):
        yield "two versions have the same name"
    starts = [one.effective_from for one in versions if one.effective_from is not None]
    if any(before >= after for before, after in pairwise(starts)):
        yield "must rise by effective_from"


def _by_priority(value: Mapping[Any, Any], *, further: bool) -> tuple[Rule, ...]:
    left = [] if further and value else [name for name in PRIORITIES if name not in value]
    faults: dict[str, Any] = {name: ["there is no policy for it"] for name in left}
    schema = _FurtherPolicySchema() if further else _PolicySchema()
    loaded = dict[str, Rule]()
    for priority, policy in value.items():
        if priority not in PRIORITIES:
            faults[str(priority)] = [f"must be one of {', '.join(PRIORITIES)}"]
        else:
            _load(schema, policy, priority, loaded, faults)
    if faults:
        raise ValidationError(faults)
    return tuple(
        Rule(policy=loaded[name].policy, conditions=(Condition(field=Field.PRIORITY, values=(name,)),))
        for name in PRIORITIES
        if name in loaded
    )


def _in_order(value: list[Any], *, further: bool) -> tuple[Rule, ...]:
    schema = _FurtherRuleSchema() if further else _RuleSchema()
    faults, loaded = dict[str, Any](), dict[str, Rule]()
    for number, rule in enumerate(value):
        _load(schema, rule, str(number), loaded, faults)
    if faults:
        raise ValidationError(faults)
    rules = tuple(loaded.values())
    faults = {**dict(_unreached(rules)), **({} if further else _untaken(rules))}
    if faults:
        raise ValidationError(faults)
    return rules


def _load(schema: Schema, value: Any, name: str, loaded: dict[str, Rule], faults: dict[str, Any]) -> None:
    try:
        loaded[name] = schema.load(value)
    except ValidationError as error:
        faults[name] = error.messages


def _unreached(rules: Sequence[Rule]) -> Iterator[tuple[str, list[str]]]:
    """Rules that can take nothing, and names that are taken."""
    for number, rule in enumerate(rules):
        before = rules[:number]
        if any(one.policy.name == rule.policy.name for one in before):
            yield str(number), [f"there is another policy {rule.policy.name!r}"]
        over = next((place for place, one in enumerate(before, start=1) if one.covers(rule)), None)
        if over is not None:
            yield str(number), [f"takes nothing, because rule {over} before it takes all of it"]


def _untaken(rules: Sequence[Rule]) -> dict[str, list[str]]:
    """Priorities of which some incidents meet no rule: one of which only the priority is known must meet one."""
    left = [name for name in PRIORITIES if not any(rule.takes(Basis(priority=name)) for rule in rules)]
    message = f"no rule takes every incident of {', '.join(left)}; a last rule without `when` would"
    return {"_schema": [message]} if left else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
