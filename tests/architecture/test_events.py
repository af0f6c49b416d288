"""Every event is published by one, known to its consumers, shown by a sample and described on a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from deskwire.catalogue.__main__ import stale
from deskwire.catalogue.house import INTAKE_TYPES, ROOT, SAMPLES, EventType, intake, services
from deskwire_client import alerts
from deskwire_client.fields import TYPES
from shared.envelope import Lane, decode, encode
from shared.topology import catalogue, house, matches, routing_key

EVENTS = [*intake(), *(event for service in services() for event in service.events)]
ASYNCAPI = json.loads((ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8"))
META = json.loads((Path(__file__).parent / "asyncapi-3.0.subset.json").read_text(encoding="utf-8"))


def ids(event: EventType) -> str:
    return event.name


def test_the_written_pages_are_up_to_date() -> None:
    assert stale() == [], "run make docs"


@pytest.mark.parametrize("event", EVENTS, ids=ids)
def test_an_event_has_a_sample_that_is_a_valid_envelope(event: EventType) -> None:
    assert event.sample is not None, f"{SAMPLES / event.name}.json is missing"
    envelope = decode(json.dumps(event.sample).encode())
    assert envelope.type == event.name
    assert decode(encode(envelope)) == envelope


@pytest.mark.parametrize("event", EVENTS, ids=ids)
def test_an_event_has_a_section_on_the_page(event: EventType) -> None:
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    assert f"\n### {event.name}\n\n{event.sentence}\n" in page


@pytest.mark.parametrize("event", EVENTS, ids=ids)
def test_a_sample_fits_the_schema_that_is_published_for_it(event: EventType) -> None:
    reference = {"$ref": f"#/components/messages/{event.name}/payload", "components": ASYNCAPI["components"]}
    checker = Draft202012Validator(reference, format_checker=FormatChecker())
    assert [error.message for error in checker.iter_errors(event.sample)] == []


def test_every_sample_is_of_a_known_type() -> None:
    known = {event.name for event in EVENTS}
    assert {path.stem for path in (ROOT / SAMPLES).glob("*.json")} - known == set()


def test_an_event_is_published_by_one_service() -> None:
    names = [event.name for event in EVENTS]
    assert sorted(names) == sorted(set(names))


def test_what_is_consumed_is_published() -> None:
    published = {service.name: [event.name for event in service.events] for service in services()}
    published["intake"] = list(INTAKE_TYPES)
    unheard = [
        f"{one.service} waits for {pattern} of {producer}"
        for one in catalogue()
        for producer, patterns in one.consumes.items()
        for pattern in patterns
        if not any(matches(pattern, name) for name in published.get(producer, []))
    ]
    assert unheard == []


def test_what_may_come_in_is_taken_by_somebody_and_known_to_the_client() -> None:
    taken = {event.name for event in intake()}
    assert taken == set(INTAKE_TYPES) == alerts.TYPES | set(TYPES)


@pytest.mark.parametrize("event", intake(), ids=ids)
def test_every_field_that_the_client_sends_is_read(event: EventType) -> None:
    assert event.schema is not None, f"no schema names `{event.name}` in its docstring"
    names = {*alerts.BOUNDS, "dedup_key", "labels"} if event.name in alerts.TYPES else set(TYPES[event.name])
    assert names - set(event.schema().fields) == set()


@pytest.mark.parametrize("event", EVENTS, ids=ids)
def test_an_event_that_somebody_takes_reaches_a_queue_in_every_lane(event: EventType) -> None:
    reached = [house().has_binding(event.exchange, routing_key(event.name, lane)) for lane in Lane]
    assert all(reached) or not event.consumers


def test_the_document_has_the_shape_of_asyncapi_3() -> None:
    assert [error.message for error in Draft202012Validator(META).iter_errors(ASYNCAPI)] == []


def test_every_reference_in_the_document_leads_somewhere() -> None:
    assert [one for one in references(ASYNCAPI) if not leads(one)] == []


def test_every_schema_in_the_document_is_one() -> None:
    for schema in ASYNCAPI["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [one for value in node.values() for one in references(value)]
    return [one for value in node for one in references(value)] if isinstance(node, list) else []


def leads(reference: str) -> bool:
    node: Any = ASYNCAPI
    for part in re.sub(r"^#/", "", reference).split("/"):
        node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node is not None
