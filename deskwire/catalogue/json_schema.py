"""JSON Schema (2020-12) of what travels: from marshmallow for what comes in, from golden samples for what goes out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from shared.envelope import MAX_HOPS, MAX_INTEGER, MAX_TEXT, Lane
from shared.intake import MAX_INTAKE_HOPS

JsonSchema = dict[str, Any]

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
TIME = (
    "When it happened: RFC 3339 with its offset, cut to milliseconds. A leap second is the last millisecond before the "
    "next month."
)
TEXT = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}

ENVELOPE: JsonSchema = {
    "type": "object",
    "description": "CloudEvents 1.0, structured JSON in UTF-8. Unknown attributes are ignored.",
    "required": ["specversion", "id", "source", "type", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {
            **TEXT,
            "description": "Unique with source; the same pair has one effect. UUIDv7 in events of Deskwire.",
        },
        "source": {**TEXT, "description": "Who publishes: `/incident`, or a foreign sender's own name."},
        "type": TEXT,
        "subject": {**TEXT, "description": "The record's number, or a foreign sender's reference."},
        "time": {"type": "string", "format": "date-time", "description": TIME},
        "datacontenttype": {"const": "application/json"},
        "sequence": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_INTEGER,
            "description": "The record's version; in a history that is brought over, the position in its ticket.",
        },
        "correlationid": {**TEXT, "description": "The same in every event that follows from one."},
        "causationid": {**TEXT, "description": "The id of the event that caused this one."},
        "traceparent": {**TEXT, "description": "W3C trace context."},
        "hops": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_HOPS,
            "description": f"Events between the edge and this. In one from outside {MAX_INTAKE_HOPS} at most, so that "
            "all that follows from it goes through.",
        },
        "lane": {
            "enum": [lane.label for lane in Lane],
            "default": Lane.NORMAL.label,
            "description": "Served in this order.",
        },
        "backfill": {"type": "boolean", "default": False, "description": "History: counted, and nobody is notified."},
        "restricted": {
            "type": "boolean",
            "default": False,
            "description": "Data holds number, version, state, priority.",
        },
        "data": {"type": "object"},
    },
}


def of_schemas(schemas: Sequence[type[Schema]]) -> dict[str, JsonSchema]:
    """The JSON Schemas of marshmallow schemas, by class name, with those that they nest."""
    spec = APISpec(title="", version="", openapi_version="3.1.0", plugins=[MarshmallowPlugin()])
    for schema in dict.fromkeys(schemas):
        if schema.__name__ not in spec.components.schemas:
            spec.components.schema(schema.__name__, schema=schema)
    found: dict[str, JsonSchema] = spec.components.schemas
    return {name: _plain(schema) for name, schema in found.items()}


def of_samples(samples: Sequence[Any]) -> JsonSchema:
    """The narrowest schema of these kinds that all samples fit: types, properties, and which are always there."""
    found = [sample for sample in samples if sample is not None]
    kinds = sorted({_kind(sample) for sample in found}) + (["null"] if len(found) < len(samples) else [])
    if not found:
        # Only null was ever seen: what else it may be, no sample says.
        return {}
    schema: JsonSchema = {"type": kinds[0] if len(kinds) == 1 else kinds}
    objects = [sample for sample in found if isinstance(sample, Mapping)]
    lists = [sample for sample in found if isinstance(sample, list)]
    texts = [sample for sample in found if isinstance(sample, str)]
    if objects:
        schema |= _of_objects(objects)
    if lists:
        schema["items"] = of_samples([item for sample in lists for item in sample])
    if texts and all(INSTANT.fullmatch(text) for text in texts):
        schema["format"] = "date-time"
    return schema


def _of_objects(objects: Sequence[Mapping[str, Any]]) -> JsonSchema:
    names = list(dict.fromkeys(name for one in objects for name in one))
    properties = {name: of_samples([one[name] for one in objects if name in one]) for name in names}
    required = [name for name in names if all(name in one for one in objects)]
    return {"properties": properties, **({"required": required} if required else {})}


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _plain(value: Any) -> Any:
    """The same without what is no JSON, such as enumeration members among defaults."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, bool | int | float) or type(value) is str:
        return value
    return _plain(getattr(value, "value", None) if hasattr(value, "value") else str(value))
