"""What the client refuses, and which field it names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deskwire_client import InvalidField, build
from deskwire_client.event import MAX_BYTES, read
from deskwire_client.fields import ACTIONS
from services.incident.domain.lifecycle import Action
from shared.envelope import Lane, decode

GOOD: dict[str, dict[str, Any]] = {
    "alert.firing": {"dedup_key": "db1:disk", "title": "Disk full", "severity": "error"},
    "alert.resolved": {"dedup_key": "db1:disk"},
    "ticket.submitted": {"external_ref": "WEB-1", "title": "No sound"},
    "ticket.action": {"external_ref": "WEB-1", "action": "accept", "level": 2, "team": "network", "person": "bo"},
    "change.deployed": {"service": "billing", "version": "2.4.1"},
}


@pytest.mark.parametrize("event_type", GOOD)
def test_every_type_is_an_envelope_that_the_desk_reads(event_type: str) -> None:
    at = datetime(2026, 3, 2, 9, 0, 0, 123000, tzinfo=UTC)
    event = build(event_type, GOOD[event_type], source="/monitor", at=at, event_id="e1", lane="urgent", sequence=3)
    envelope = decode(event.body)
    assert (envelope.id, envelope.source, envelope.type, envelope.time) == ("e1", "/monitor", event_type, at)
    assert (envelope.data, envelope.lane, envelope.sequence) == (GOOD[event_type], Lane.URGENT, 3)
    assert event.routing_key == f"{event_type}.urgent"


def test_without_a_lane_the_routing_key_is_the_type() -> None:
    event = build("alert.firing", GOOD["alert.firing"], source="/m")
    assert event.routing_key == "alert.firing"
    assert "lane" not in json.loads(event.body)


def test_what_was_built_is_read_back_the_same() -> None:
    event = build("alert.firing", GOOD["alert.firing"], source="/m", lane="bulk")
    assert read(event.body) == event


def test_ids_rise_with_time_and_are_all_different() -> None:
    ids = [build("alert.resolved", {"dedup_key": "k"}, source="/m").id for _ in range(100)]
    assert len(set(ids)) == 100
    assert [text[:13] for text in ids] == sorted(text[:13] for text in ids)


def test_fields_that_are_none_are_left_out() -> None:
    event = build("alert.resolved", {"dedup_key": "k", "title": None}, source="/m")
    assert json.loads(event.body)["data"] == {"dedup_key": "k"}


@pytest.mark.parametrize(
    ("event_type", "overrides", "field"),
    [
        ("ticket.submitted", {"impact": "huge"}, "impact"),
        ("ticket.submitted", {"requester": {"name": "Kim"}}, "requester"),
        ("ticket.submitted", {"external_ref": "x" * 201}, "external_ref"),
        ("ticket.submitted", {"level": True}, "level"),
        ("ticket.submitted", {"level": 5}, "level"),
        ("ticket.action", {"action": "explode"}, "action"),
        ("ticket.action", {"number": "INC0000001"}, "external_ref"),
        ("ticket.action", {"external_ref": None}, "external_ref"),
        ("ticket.action", {"args": [1]}, "args"),
        ("ticket.action", {"args": {"x": float("nan")}}, "data"),
        ("change.deployed", {"version": None}, "version"),
        ("change.deployed", {"service": None}, "service"),
    ],
)
def test_bad_data_is_refused_by_the_name_of_its_field(event_type: str, overrides: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        build(event_type, {**GOOD[event_type], **overrides}, source="/m")
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"source": ""}, "source"),
        ({"lane": "fast"}, "lane"),
        ({"sequence": -1}, "sequence"),
        ({"event_id": ""}, "id"),
        ({"event_id": "\u00e9" * 128}, "id"),
        ({"at": datetime(2026, 3, 2)}, "time"),  # noqa: DTZ001 - a time without an offset is what is refused
    ],
)
def test_bad_attributes_are_refused_by_name(overrides: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        build("change.deployed", GOOD["change.deployed"], **{"source": "/m", **overrides})
    assert caught.value.field == field


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(InvalidField, match=r"alert\.exploded"):
        build("alert.exploded", {}, source="/m")


def test_a_body_over_the_bound_is_refused() -> None:
    with pytest.raises(InvalidField, match=str(MAX_BYTES)):
        build("ticket.action", {**GOOD["ticket.action"], "args": {"a": "x" * MAX_BYTES}}, source="/m")


def test_an_id_may_fill_its_bytes() -> None:
    assert build("alert.resolved", {"dedup_key": "k"}, source="/m", event_id="\u00e9" * 127).id == "\u00e9" * 127


@pytest.mark.parametrize(
    "overrides",
    [{"id": "\u00e9" * 128}, {"id": 7}, {"type": ""}, {"source": "s" * 256}, {"lane": "fast"}],
)
def test_a_body_that_could_never_be_published_is_no_event(overrides: dict[str, Any]) -> None:
    document = json.loads(build("alert.resolved", {"dedup_key": "k"}, source="/m").body)
    with pytest.raises(ValueError, match=r"must be|allowed"):
        read(json.dumps({**document, **overrides}).encode())


def test_the_client_knows_every_action_of_a_foreign_desk() -> None:
    assert set(ACTIONS) == {action.value for action in Action if action is not Action.OPEN}
