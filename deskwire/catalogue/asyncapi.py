"""The AsyncAPI 3.0 document of the house: each type of event as a channel of its exchange, with schema and example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deskwire.catalogue.house import EventType, Service
from deskwire.catalogue.json_schema import ENVELOPE, JsonSchema, of_samples, of_schemas
from shared.envelope import CONTENT_TYPE, Lane

VERSION = "3.0.0"
AMQP_BINDING = "0.3.0"
PERSISTENT = 2


def document(services: Sequence[Service], intake: Sequence[EventType], version: str) -> dict[str, Any]:
    """The document as plain JSON, the same for the same house."""
    events = [*intake, *(event for service in services for event in service.events)]
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Deskwire",
            "version": version,
            "description": "The events that Deskwire takes in and publishes over AMQP 0-9-1, as CloudEvents 1.0.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "broker": {"host": "localhost:5672", "protocol": "amqp", "description": "RabbitMQ 3.10 or newer."},
        },
        "channels": {event.name: _channel(event) for event in events},
        "operations": {_operation_name(event): _operation(event) for event in events},
        "components": {
            "messages": {event.name: _message(event) for event in events},
            "schemas": _schemas(services, intake),
        },
    }


def data_name(event: EventType) -> str:
    """The name of the schema of an event's data."""
    return f"{event.name}.data"


def _channel(event: EventType) -> dict[str, Any]:
    exchange = {"name": event.exchange, "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": f"{event.name}.{{lane}}",
        "description": event.sentence,
        "messages": {event.name: {"$ref": f"#/components/messages/{event.name}"}},
        "parameters": {"lane": {"enum": [lane.label for lane in Lane], "default": Lane.NORMAL.label}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": AMQP_BINDING}},
    }


def _operation_name(event: EventType) -> str:
    return f"{'take' if event.owner == 'intake' else 'publish'}.{event.name}"


def _operation(event: EventType) -> dict[str, Any]:
    return {
        "action": "receive" if event.owner == "intake" else "send",
        "channel": {"$ref": f"#/channels/{event.name}"},
        "summary": event.sentence,
        "messages": [{"$ref": f"#/channels/{event.name}/messages/{event.name}"}],
        "bindings": {
            "amqp": {"deliveryMode": PERSISTENT, "mandatory": bool(event.consumers), "bindingVersion": AMQP_BINDING}
        },
    }


def _message(event: EventType) -> dict[str, Any]:
    body = {
        "name": event.name,
        "title": event.name,
        "summary": event.sentence,
        "contentType": CONTENT_TYPE,
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/envelope"},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": event.name},
                        "data": {"$ref": f"#/components/schemas/{data_name(event)}"},
                    },
                },
            ]
        },
    }
    return body if event.sample is None else {**body, "examples": [{"payload": event.sample}]}


def _schemas(services: Sequence[Service], intake: Sequence[EventType]) -> dict[str, JsonSchema]:
    foreign = of_schemas([event.schema for event in intake if event.schema is not None])
    found: dict[str, JsonSchema] = {"envelope": ENVELOPE, **foreign}
    for event in intake:
        reference = {"$ref": f"#/components/schemas/{event.schema.__name__}"} if event.schema else {"type": "object"}
        found[data_name(event)] = reference
    for service in services:
        found |= _snapshots(service)
    return found


def _snapshots(service: Service) -> dict[str, JsonSchema]:
    """One schema of the service's snapshot, and for each event that with what the event says has changed."""
    data = {event.name: event.sample["data"] for event in service.events if event.sample is not None}
    if not service.events:
        return {}
    name = f"{service.name}.snapshot"
    found: dict[str, JsonSchema] = {name: _snapshot(list(data.values()))}
    for event in service.events:
        change = data.get(event.name, {}).get("change")
        found[data_name(event)] = {
            "allOf": [
                {"$ref": f"#/components/schemas/{name}"},
                {"type": "object", "properties": {"change": _change(change)}},
            ]
        }
    return found


def _snapshot(samples: Sequence[Mapping[str, Any]]) -> JsonSchema:
    plain = [{key: value for key, value in sample.items() if key != "change"} for sample in samples]
    schema = of_samples(plain) if plain else {"type": "object"}
    # A restricted record shows these and no more, so nothing else is promised.
    return {**schema, "required": [name for name in ("number", "version") if name in schema.get("properties", {})]}


def _change(sample: Any) -> JsonSchema:
    fields = {name: of_samples([value]) for name, value in sample.items()} if isinstance(sample, Mapping) else {}
    return {"type": "object", "properties": _nullable(fields)}


def _nullable(properties: Mapping[str, JsonSchema]) -> dict[str, JsonSchema]:
    # One sample shows one case of what changed; a field of it may be null, or have another value, in another.
    return {name: _or_null(schema) for name, schema in properties.items()}


def _or_null(schema: JsonSchema) -> JsonSchema:
    return schema if "type" not in schema else {**schema, "type": [schema["type"], "null"]}
