"""The golden samples of incident: what it publishes is exactly this, and what it takes is at least this."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.incident import events
from services.incident.schemas.snapshot import IncidentSnapshot
from shared.envelope import Envelope, decode, encode
from tests.unit.incident.factories import House, make_alert

SAMPLES = Path(__file__).parent / "samples"
FOREIGN = ("alert.firing", "alert.resolved", "ticket.submitted", "ticket.action")

OPENED = {
    "title": "Mail is slow",
    "description": "Since this morning, for everybody on the second floor.",
    "requester": "ann@example.com",
    "channel": "portal",
    "impact": "high",
    "urgency": "medium",
    "category": "mail",
    "ci": "mx1",
    "service": "mail",
    "language": "en",
    "organisation": "acme",
    "team": "service-desk",
}


FULL = {"severity": "warning", "title": "Disk 90 % full on db1", "ci": "db1", "url": "https://mon.example.com/1"}
FULLER = {**FULL, "title": "Disk 97 % full on db1", "url": "https://mon.example.com/2"}


def retold() -> Envelope:
    """The event of an alert that says something else than before."""
    house = House()
    house.tell(make_alert("a1", **FULL), make_alert("a2", 5, **FULLER))
    return house.events()[-1]


def told(event: str, *steps: tuple[str, dict[str, Any]]) -> Envelope:
    """The event of the last step of a record's story."""
    if event in BY_SYSTEMS:
        return retold()
    house = House()
    number = house.open(**OPENED)
    for action, args in steps:
        reply = house.request(action, number, args)
        assert "record" in reply, reply
    last = house.events()[-1]
    assert last.type == event
    return last


RESOLVE = ("resolve", {"code": "fixed", "text": "The queue was full; it is emptied now."})
STORIES: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    events.OPENED: (),
    events.ASSIGNED: (("assign", {"team": "mail", "person": "bob"}),),
    events.ACCEPTED: (("accept", {}),),
    events.ESCALATED: (("escalate", {"team": "mail", "summary": "Restarted the client, no change."}),),
    events.HANDED_BACK: (
        ("escalate", {"level": 3, "team": "mail", "summary": "Restarted the client, no change."}),
        ("hand_back", {"level": 1, "team": "service-desk", "summary": "Works again; please ask the user."}),
    ),
    events.WAITING: (("accept", {}), ("wait", {"reason": "user", "text": "Is it still slow?"})),
    events.RESUMED: (("accept", {}), ("wait", {"reason": "user"}), ("resume", {})),
    events.NOTED: (("note", {"text": "We are looking into it.", "visibility": "public"}),),
    events.PRIORITISED: (("prioritise", {"urgency": "high"}),),
    events.RESOLVED: (("accept", {}), RESOLVE),
    events.REOPENED: (("accept", {}), RESOLVE, ("reopen", {"reason": "It is slow again."})),
    events.CLOSED: (("accept", {}), RESOLVE, ("close", {})),
    events.CANCELLED: (("cancel", {"reason": "Opened twice."}),),
    events.LINKED: (("link", {"kind": "problem", "number": "PRB0000001"}),),
    events.UPDATED: (),
}
BY_SYSTEMS = (events.UPDATED,)
"""What no person does."""


def as_text(envelope: Envelope) -> str:
    return json.dumps(json.loads(encode(envelope)), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("event", sorted(events.PUBLISHES))
def test_a_published_event_is_its_sample(event: str) -> None:
    published, sample = told(event, *STORIES[event]), SAMPLES / f"{event}.json"
    if os.environ.get("DESKWIRE_WRITE_SAMPLES"):
        sample.write_text(as_text(published))
    assert sample.read_text() == as_text(published)


@pytest.mark.parametrize("event", sorted(events.PUBLISHES))
def test_a_sample_has_the_public_snapshot_and_what_changed(event: str) -> None:
    data = dict(read(event).data)
    change = data.pop("change")
    by = ("system:/monitor", "system") if event in BY_SYSTEMS else ("alice", "person")
    assert (change["by"], change["by_kind"]) == by
    assert not IncidentSnapshot().validate(data)


def read(event: str) -> Envelope:
    return decode((SAMPLES / f"{event}.json").read_bytes())


def taken(house: House, *names: str) -> dict[str, Any]:
    result = house.tell(*(read(name) for name in names))
    assert not result.rejected
    (record,) = house.incidents().values()
    return {"state": record.state.value, "title": record.title, "events": house.types()}


CHECKS: dict[tuple[str, ...], Callable[[dict[str, Any]], bool]] = {
    ("alert.firing",): lambda seen: seen["events"] == ["incident.opened"],
    ("alert.firing", "alert.resolved"): lambda seen: seen["state"] == "resolved",
    ("ticket.submitted",): lambda seen: seen["state"] == "assigned",
    ("ticket.submitted", "ticket.action"): lambda seen: seen["state"] == "resolved",
}


@pytest.mark.parametrize("names", sorted(CHECKS))
def test_the_samples_of_the_intake_are_taken(names: tuple[str, ...]) -> None:
    assert CHECKS[names](taken(House(), *names))


def test_every_message_of_the_intake_has_a_sample() -> None:
    assert set(events.CONSUMES["intake"]) == set(FOREIGN)
    assert all((SAMPLES / f"{name}.json").is_file() for name in FOREIGN)


FOLLOWS = {events.PROBLEM_LINKED: events.LINKED, events.PROBLEM_RESOLVED: events.RESOLVED}


@pytest.mark.parametrize("event", events.CONSUMES["problem"])
def test_the_samples_of_problem_are_taken(event: str) -> None:
    house, sample = House(), read(event)
    named = sample.data["change"]["incidents"]
    assert named
    for _ in named:
        house.open()
    assert not house.tell_of_problem(sample).rejected
    assert house.types().count(FOLLOWS[event]) == len(named)
