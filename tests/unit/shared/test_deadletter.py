"""A message that cannot be handled keeps its body and gets an explanation; nobody's headers are believed."""

from __future__ import annotations

from typing import Any

import pytest

from shared.deadletter import Trip, dead_message, parse, read_trip, retry_message
from shared.errors import Early, Invalid
from shared.publisher import Message
from shared.testing import make_instant

FORGED = {
    "x-attempt": 7,
    "x-first-failed-at": "2001-01-01T00:00:00.000Z",
    "x-sender": "root",
    "x-queue": "rpc-incident",
    "x-reason": "forged",
    "x-error": "forged",
    "x-pointer": "/forged",
}


def make_trip(**overrides: Any) -> Trip:
    fields = {"body": b"{}", "queue": "incident.intake.normal.v1", "message_id": "m1", "content_type": "text/x"}
    start = {"sender": "monitor", "attempt": 1, "first_failed_at": None, "redelivered": False}
    return Trip(**{**fields, **start, **overrides})


def read(exchange: str = "", headers: Any = None, **properties: Any) -> Trip:
    return read_trip(
        body=b"{}",
        queue="incident.intake.normal.v1",
        exchange=exchange,
        properties={"application_headers": headers, **properties},
    )


def delivered(message: Message) -> dict[str, Any]:
    """The properties with which a published message is delivered."""
    return {
        "application_headers": dict(message.headers),
        "message_id": message.message_id,
        "content_type": message.content_type,
    }


def test_a_first_delivery_is_attempt_one() -> None:
    assert read("itsm.intake").attempt == 1


def test_a_foreign_senders_headers_are_not_believed() -> None:
    trip = read("itsm.intake", FORGED, user_id="monitor")
    assert (trip.attempt, trip.first_failed_at, trip.sender) == (1, None, "monitor")
    assert read("incident.events", FORGED).sender is None


def test_what_comes_back_from_the_ladder_brings_its_trail() -> None:
    message = retry_message(make_trip(attempt=3), "itsm.retry.1000", make_instant())
    back = read_trip(body=message.body, queue=message.routing_key, exchange="", properties=delivered(message))
    assert (back.attempt, back.sender, back.message_id) == (4, "monitor", "m1")
    assert back.first_failed_at == "2026-03-02T09:00:00.000Z"
    again = retry_message(back, "itsm.retry.1000", make_instant("2026-03-03T09:00:00Z"))
    assert again.headers["x-first-failed-at"] == "2026-03-02T09:00:00.000Z"


@pytest.mark.parametrize("value", [None, "7", -1, 10**9, 1.5, {}, "x"])
def test_a_nonsensical_count_of_attempts_starts_again(value: Any) -> None:
    assert read("", {"x-attempt": value}).attempt == 1


def test_the_brokers_own_word_on_the_sender_counts_before_the_trail() -> None:
    assert read("", {"x-sender": "a"}, user_id="b").sender == "b"


def test_a_message_without_an_id_has_one_that_its_body_gives_it() -> None:
    assert make_trip(message_id=None).identity == make_trip(message_id=None).identity
    assert make_trip(message_id=None).identity != make_trip(message_id=None, body=b"[]").identity


def test_a_message_on_the_ladder_is_named_for_the_queue_it_returns_to() -> None:
    message = retry_message(make_trip(), "itsm.retry.1000", make_instant())
    assert (message.exchange, message.routing_key) == ("itsm.retry.1000", "incident.intake.normal.v1")
    assert message.mandatory


def test_a_dead_letter_says_what_where_how_often_and_since_when() -> None:
    error = Invalid("must be text", slug="bad-envelope", pointer="/id")
    message = dead_message(make_trip(attempt=2), "incident", "bad-envelope", error, make_instant())
    assert (message.exchange, message.routing_key, message.body) == ("itsm.dead", "incident.dead", b"{}")
    letter = parse("incident", message.body, delivered(message))
    assert (letter.reason, letter.error, letter.pointer) == ("bad-envelope", "must be text", "/id")
    assert (letter.attempts, letter.queue, letter.sender) == (2, "incident.intake.normal.v1", "monitor")
    assert (letter.message_id, letter.content_type) == ("m1", "text/x")
    assert letter.first_failed_at == "2026-03-02T09:00:00.000Z"


def test_an_error_of_no_kind_of_ours_is_told_with_its_type_and_cut() -> None:
    message = dead_message(make_trip(), "incident", "handler-error", KeyError("x" * 1000), make_instant())
    assert message.headers["x-error"].startswith("KeyError: ")
    assert len(message.headers["x-error"]) == 500
    assert "x-pointer" not in message.headers


def death(**overrides: Any) -> dict[str, Any]:
    start = {"reason": "delivery_limit", "queue": "incident.intake.urgent.v1", "count": 20, "exchange": "itsm.intake"}
    return {**start, **overrides}


def test_what_the_broker_moved_itself_is_told_from_the_brokers_own_note() -> None:
    letter = parse("incident", b"{}", {"application_headers": {"x-death": [death()]}, "user_id": "monitor"})
    assert (letter.reason, letter.queue, letter.attempts) == ("delivery-limit", "incident.intake.urgent.v1", 20)
    assert (letter.sender, letter.error) == ("monitor", "the broker gave up on it")


def test_what_the_broker_moved_cannot_forge_its_reason_or_where_a_replay_goes() -> None:
    letter = parse("incident", b"{}", {"application_headers": {**FORGED, "x-death": [death()]}})
    assert (letter.reason, letter.queue) == ("delivery-limit", "incident.intake.urgent.v1")
    assert (letter.sender, letter.pointer, letter.first_failed_at) == (None, None, None)
    assert "forged" not in letter.error


def test_what_the_broker_moved_after_a_climb_keeps_its_sender() -> None:
    trail = retry_message(make_trip(attempt=2), "itsm.retry.1000", make_instant()).headers
    letter = parse("incident", b"{}", {"application_headers": {**trail, "x-death": [death(exchange="")]}})
    assert letter.sender == "monitor"


@pytest.mark.parametrize("headers", [None, {}, {"x-death": "no list"}, {"x-death": []}, {"x-attempt": "many"}])
def test_any_message_in_a_dead_queue_can_be_listed(headers: Any) -> None:
    letter = parse("incident", b"\xff", {"application_headers": headers})
    assert (letter.reason, letter.attempts, letter.queue) == ("unknown", 1, "")


def test_an_early_event_that_gave_up_keeps_its_slug() -> None:
    message = dead_message(make_trip(attempt=8), "sla", "early", Early("3 is missing"), make_instant())
    assert parse("sla", b"{}", delivered(message)).reason == "early"
