"""Reads the settings file of sla: calendars and policies. Every fault is named at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates, validates_schema

from services.sla.calendar_settings import Calendars
from services.sla.calendar_words import FOLDER
from services.sla.domain.policy import Agreements, PolicySet
from services.sla.policy_settings import ONLY_VERSION, Rules, VersionSchema, faults_in_order, named_calendars
from shared.errors import Invalid


class _Loader(yaml.SafeLoader):
    """Leaves dates as text: YAML would refuse the whole file for a wrong one, without its place among the others."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def load(path: Path) -> Agreements:
    """Read the file. Raises Invalid (`bad-settings`) when it cannot be read or has faults; the message names all."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: {error}", slug="bad-settings") from None
    return parse_agreements(text, name=str(path), folder=path.parent)


def parse_agreements(text: str, *, name: str, folder: Path | None = None) -> Agreements:
    """The agreements that a settings file holds. Raises Invalid (`bad-settings`) that names every fault's place.

    Files that it names are looked for in `folder`.
    """
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 (a safe loader that knows less)
    except yaml.YAMLError as error:
        raise Invalid(f"{name} is not YAML: {error}", slug="bad-settings") from None
    if not isinstance(document, Mapping):
        raise Invalid(f"{name} must have calendars and policies", slug="bad-settings")
    token = FOLDER.set(folder or Path())
    try:
        agreements: Agreements = _AgreementsSchema().load(dict(document))
    except ValidationError as error:
        faults = "; ".join(sorted(_faults(error.messages)))
        raise Invalid(f"{name}: {faults}", slug="bad-settings") from None
    finally:
        FOLDER.reset(token)
    return agreements


def _faults(messages: Any, place: str = "") -> Iterator[str]:
    if isinstance(messages, Mapping):
        for name, below in messages.items():
            # marshmallow files the faults of a mapping's entries under "key" and "value", beside its own "_schema".
            inner = place if name in ("_schema", "key", "value") else f"{place}.{name}".lstrip(".")
            yield from _faults(below, inner)
    elif isinstance(messages, list):
        for message in messages:
            yield from _faults(message, place)
    else:
        yield f"{place}: {messages}".rstrip(".")


class _AgreementsSchema(Schema):
    class Meta:
        unknown = RAISE

    calendars = Calendars(required=True)
    policies = Rules()
    versions = fields.List(fields.Nested(VersionSchema), validate=validate.Length(1))

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _fit(self, data: Any, original: Any, **_: Any) -> None:  # noqa: ARG002
        """Judged on the file's own words, so that these faults are named beside those of single fields."""
        if ("policies" in original) == ("versions" in original):
            raise ValidationError("there must be either policies or versions")
        calendars = original.get("calendars")
        if not isinstance(calendars, Mapping):
            return
        faults = dict[str, Any]()
        for path, named in named_calendars(original):
            if named not in calendars:
                place = faults
                for name in path:
                    place = place.setdefault(name, {})
                place["_schema"] = [f"there is no calendar {named!r}"]
        if faults:
            raise ValidationError(faults)

    @validates("versions")
    def _follow(self, value: list[PolicySet], **_: Any) -> None:
        faults = list(faults_in_order([one for one in value if isinstance(one, PolicySet)]))
        if faults:
            raise ValidationError(faults)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Agreements:
        versions = data.get("versions") or [PolicySet(version=ONLY_VERSION, rules=data["policies"])]
        return Agreements(versions=tuple(versions), calendars=data["calendars"])
