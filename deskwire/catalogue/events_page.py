"""docs/events.md: every event that Deskwire takes in or publishes, for whoever builds on it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deskwire.catalogue.house import EventType, Service
from deskwire.catalogue.json_schema import ENVELOPE, JsonSchema

HEAD = """# Events

Written by `make docs` from the services; do not edit. The same as a document for machines:
[asyncapi.json](asyncapi.json).

Every event is one [CloudEvent](https://cloudevents.io) 1.0 in structured JSON (`application/cloudevents+json`, UTF-8,
at most 256 KiB), published persistent to a durable topic exchange. The routing key is `<type>.<lane>`; the lanes are
`urgent`, `normal` and `bulk`. Type, log field, metric label and the name of the sample file are one and the same
word.

Bind a queue of your own to the exchange of the service you listen to, with `incident.#` for all of its events or
`incident.resolved.*` for one type. An event may come twice and out of order: `source` with `id` is unique, `sequence`
is the record's version, and `data` is the whole public record after the event, so that the newest one seen is enough.
`data.change` says what changed and who did it.

Publish with AMQP's property `user-id` set to the user you log in as: the broker refuses any other, so that user is who
acted. Without it the actor is `system:` and the event's `source`, which is no more than the sender's own word.

What is read is strict JSON (RFC 8259), nested at most 64 deep. A byte order mark, line ends and NULs around it do not
matter, and UTF-16 and UTF-32 are read, too. Ids, sources, trails, and the titles, names and references of tickets and
deployments must show something and hold no control characters.

New fields and new types are added without notice; a field's meaning never changes. Ignore what you do not know.
"""


def page(services: Sequence[Service], intake: Sequence[EventType], schemas: Mapping[str, JsonSchema]) -> str:
    """The page in Markdown. `schemas` are the named schemas of the AsyncAPI document."""
    parts = [HEAD, *_envelope(), *_contents(services, intake), *_intake(intake, schemas), *_published(services)]
    return "\n".join(parts).rstrip() + "\n"


def _envelope() -> Iterator[str]:
    yield "## Envelope\n"
    yield from _fields(ENVELOPE)
    yield ""


def _contents(services: Sequence[Service], intake: Sequence[EventType]) -> Iterator[str]:
    yield "## All types\n"
    yield "| type | exchange | taken by | meaning |\n|---|---|---|---|"
    for event in [*intake, *(event for service in services for event in service.events)]:
        takers = ", ".join(event.consumers) or "-"
        yield f"| [`{event.name}`](#{_anchor(event.name)}) | `{event.exchange}` | {takers} | {event.sentence} |"
    yield ""


def _intake(intake: Sequence[EventType], schemas: Mapping[str, JsonSchema]) -> Iterator[str]:
    yield "## What Deskwire takes in\n"
    yield (
        "Publish to the exchange `itsm.intake` with the type as routing key, or with a lane behind it "
        "(`alert.firing.urgent`). Unknown fields are ignored. A message that cannot be read goes to the dead letters "
        "with its reason. An alert is not refused for what it says; what is odd about it is bent and told. "
        "What becomes of what senders say is written in [intake.md](intake.md).\n"
    )
    for event in intake:
        yield f"### {event.name}\n"
        yield f"{event.sentence}\n"
        if event.schema is not None:
            yield from _fields(schemas[event.schema.__name__])
            yield ""
        yield from _example(event)


def _published(services: Sequence[Service]) -> Iterator[str]:
    for service in services:
        if not service.events:
            continue
        yield f"## {service.name}\n"
        yield service.words.split("\n\n")[0].replace("\n", " ") + "\n"
        for event in service.events:
            yield f"### {event.name}\n"
            yield f"{event.sentence}\n"
            yield f"Exchange `{event.exchange}`, routing key `{event.name}.<lane>`.\n"
            yield from _changes(event)
            yield from _example(event)


def _changes(event: EventType) -> Iterator[str]:
    change = (event.sample or {}).get("data", {}).get("change")
    if change:
        names = ", ".join(f"`{name}`" for name in change)
        yield f"`data.change` holds {names}.\n"


def _example(event: EventType) -> Iterator[str]:
    if event.sample is not None:
        body = json.dumps(event.sample, indent=2, ensure_ascii=False)
        yield f"<details><summary>Example</summary>\n\n```json\n{body}\n```\n\n</details>\n"


def _fields(schema: JsonSchema) -> Iterator[str]:
    yield "| field | type | needed | |\n|---|---|---|---|"
    needed = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        words = "; ".join(_limits(field))
        yield f"| `{name}` | {_type(field)} | {'yes' if name in needed else ''} | {words} |"


def _type(field: JsonSchema) -> str:
    if "$ref" in field:
        return "object"
    if "const" in field or "enum" in field:
        return "text"
    kind = field.get("type", "any")
    kinds = [kind] if isinstance(kind, str) else list(kind)
    return " or ".join(_WORDS.get(one, one) for one in kinds if one != "null") or "any"


_WORDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list"}


def _limits(field: JsonSchema) -> Iterator[str]:
    if "description" in field:
        yield field["description"].rstrip(".")
    if "const" in field:
        yield f"always `{field['const']}`"
    if "enum" in field:
        yield ", ".join(f"`{value}`" for value in field["enum"] if value is not None)
    if "maxLength" in field:
        yield f"at most {field['maxLength']} characters"
    if "minimum" in field and "maximum" in field:
        yield f"{field['minimum']} to {field['maximum']}"
    if field.get("default") not in (None, False):
        yield f"`{_plain(field['default'])}` when absent"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _anchor(name: str) -> str:
    return name.replace(".", "")
