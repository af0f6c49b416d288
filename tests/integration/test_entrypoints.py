"""What becomes of each message: its effect once, the ladder, or the dead letters; nothing else, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pika
import pytest

from deploy.local.access import OPERATOR
from deploy.local.broker import Broker
from deploy.local.database import Database
from shared.deadletter import DeadLetter
from shared.deadqueue import browse, discard, replay
from shared.envelope import CONTENT_TYPE, encode
from shared.errors import NotFound
from shared.publisher import Message, Publisher
from shared.topology import INTAKE
from tests.integration.probe_house import ATTEMPTS, LADDER, ProbeHouse, eventually, make_do, probe_house


@pytest.fixture(scope="module")
def running(broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbeHouse]:
    with probe_house(broker, database, tmp_path_factory.mktemp("entrypoints")) as house:
        house.start(["probe"])
        yield house


@pytest.fixture
def house(running: ProbeHouse) -> ProbeHouse:
    running.bury()
    return running


def publish(house: ProbeHouse, body: bytes, message_id: str, **options: Any) -> None:
    message = Message(exchange=INTAKE, routing_key="probe.do", body=body, message_id=message_id, **options)
    house.publish_raw([message], user=OPERATOR)


def test_a_batch_has_its_effects_and_leaves_nothing_behind(house: ProbeHouse) -> None:
    events = house.tell(*["keep"] * 25)
    eventually(lambda: house.kept() >= {event.id for event in events})
    house.wait_quiet()
    assert house.dead() == {}


def test_copies_of_one_event_have_one_effect(house: ProbeHouse) -> None:
    event = make_do("keep")
    for _ in range(4):
        publish(house, encode(event), event.id)
    eventually(lambda: event.id in house.kept())
    house.wait_quiet()
    assert [row["_id"] for row in house.rows("probe", "kept") if row["_id"].endswith(event.id)] == [
        f"/monitor:{event.id}"
    ]


@pytest.mark.parametrize(
    ("body", "reason", "pointer"),
    [
        (b"{", "bad-json", None),
        (b'{"data": NaN}', "bad-json", None),
        (b"", "bad-json", None),
        (b"\xff\xfe\x00", "bad-json", None),
        (b"[]", "bad-envelope", None),
        (encode(make_do("keep")).replace(b'"source"', b'"sauce"'), "bad-envelope", "/source"),
        (encode(make_do("keep")).replace(b'"id"', b'"no"'), "bad-envelope", "/id"),
        (encode(make_do("keep", hops=7)).replace(b'"hops":7', b'"hops":-7'), "bad-envelope", "/hops"),
        (encode(make_do("keep", type="probe.undo")), "unknown-type", None),
        (encode(make_do("keep", hops=33)), "hop-budget-exceeded", None),
        (encode(make_do("keep", data={"text": "x" * 300_000})), "oversized", None),
        (encode(make_do("reject")), "probe-refused", "/data/act"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_what_cannot_be_handled_lies_in_the_dead_letters_with_its_reason(
    house: ProbeHouse, body: bytes, reason: str, pointer: str | None
) -> None:
    publish(house, body, "poison", content_type="text/odd")
    eventually(lambda: "poison" in house.dead())
    letter = house.dead()["poison"]
    assert (letter.reason, letter.pointer, letter.body) == (reason, pointer, body)
    assert (letter.queue, letter.attempts, letter.content_type) == ("probe.intake.normal.v1", 1, "text/odd")
    assert letter.error


def test_a_dead_letter_has_the_body_as_it_came_whatever_its_sender_calls_its_encoding(house: ProbeHouse) -> None:
    with pika.BlockingConnection(pika.URLParameters(house.uri(OPERATOR))) as connection:
        properties = pika.BasicProperties(message_id="odd", content_encoding="latin-1")
        connection.channel().basic_publish(INTAKE, "probe.do", b'{"title": "St\xf6rung"}', properties)
    eventually(lambda: "odd" in house.dead())
    assert house.dead()["odd"].body == b'{"title": "St\xf6rung"}'


def test_a_type_marker_of_a_library_is_plain_data(house: ProbeHouse) -> None:
    (event,) = house.tell("keep", data={"labels": {"__type__": "nope", "__value__": 1}})
    eventually(lambda: event.id in house.kept())


def test_what_nobody_binds_is_told_by_the_first_consumer_and_never_dropped_silently(house: ProbeHouse) -> None:
    outcomes = house.publish_raw(
        [Message(exchange=INTAKE, routing_key="nobody.knows", body=b"{}", message_id="lost")], user=OPERATOR
    )
    # The probe's own topology has no incident to take it: the broker says so to the sender.
    assert [outcome.value for outcome in outcomes] == ["returned"]


def test_a_handler_that_raises_is_tried_on_each_step_of_the_ladder_and_then_given_up(house: ProbeHouse) -> None:
    (event,) = house.tell("raise")
    eventually(lambda: event.id in house.dead())
    letter, tried = house.dead()[event.id], house.attempts(event)
    assert (letter.reason, letter.attempts) == ("handler-error", ATTEMPTS)
    assert letter.error == "RuntimeError: the probe raises as it was told to"
    steps = [LADDER[0], LADDER[1], LADDER[1]]
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert len(waits) == len(steps)
    assert all(step <= wait < step + timedelta(seconds=2) for step, wait in zip(steps, waits, strict=True))
    assert letter.first_failed_at is not None
    assert abs(datetime.fromisoformat(letter.first_failed_at) - tried[0]) < timedelta(seconds=1)


def test_an_early_event_climbs_too_and_keeps_its_slug_when_it_gives_up(house: ProbeHouse) -> None:
    (event,) = house.tell("early")
    eventually(lambda: event.id in house.dead())
    assert (house.dead()[event.id].reason, len(house.attempts(event))) == ("early", ATTEMPTS)


def test_one_poison_event_in_a_batch_does_not_hurt_the_others(house: ProbeHouse) -> None:
    events = house.tell(*["keep"] * 4, "raise", *["keep"] * 4, "reject")
    by_act = {act: {event.id for event in events if event.data["act"] == act} for act in ("keep", "raise", "reject")}
    eventually(lambda: house.kept() >= by_act["keep"])
    eventually(lambda: set(house.dead()) == by_act["raise"] | by_act["reject"])
    assert not house.kept() & (by_act["raise"] | by_act["reject"])
    house.wait_quiet()


def test_a_conflict_that_does_not_pass_is_one_events_fault_and_holds_up_no_other(house: ProbeHouse) -> None:
    taken, *others = house.tell("taken", *["keep"] * 4)
    eventually(lambda: house.kept() >= {event.id for event in others}, 60)
    eventually(lambda: taken.id in house.dead(), 120)
    assert (house.dead()[taken.id].reason, house.dead()[taken.id].attempts) == ("conflict", ATTEMPTS)


def test_a_pointer_of_any_length_costs_no_connection(house: ProbeHouse) -> None:
    long, other = house.tell("long", "keep")
    eventually(lambda: long.id in house.dead())
    eventually(lambda: other.id in house.kept())
    assert len(house.dead()[long.id].pointer or "") == 500


def test_an_event_of_the_house_is_delivered_whatever_size_a_sender_is_allowed(house: ProbeHouse) -> None:
    event = make_do("keep", type="probe.done", data={"act": "keep", "text": "x" * 300_000})
    message = Message(exchange="probe.events", routing_key="probe.done.normal", body=encode(event), message_id=event.id)
    house.publish_raw([message], user=OPERATOR)
    eventually(lambda: house.rows("probe", "heard", {"_id": event.id}) != [])


def test_one_id_of_two_sources_is_two_events_also_when_one_of_them_is_refused(house: ProbeHouse) -> None:
    good, bad = make_do("keep", source="/one"), make_do("reject", source="/other")
    bad = make_do("reject", source="/other", id=good.id)
    messages = [
        Message(exchange=INTAKE, routing_key="probe.do", body=encode(event), message_id=name)
        for event, name in ((good, "good"), (bad, "bad"), (good, "copy"))
    ]
    house.publish_raw(messages, user=OPERATOR)
    eventually(lambda: "bad" in house.dead())
    house.wait_quiet()
    assert set(house.dead()) == {"bad"}
    assert [row["_id"] for row in house.rows("probe", "inbox") if row["_id"].endswith(good.id)] == [
        f"probe:/one:{good.id}"
    ]


def test_a_foreign_senders_headers_count_for_nothing(house: ProbeHouse) -> None:
    event = make_do("raise")
    forged = {"x-attempt": 99, "x-sender": "root", "x-first-failed-at": "2001-01-01T00:00:00Z", "x-queue": "rpc-probe"}
    publish(house, encode(event), event.id, headers=forged)
    eventually(lambda: event.id in house.dead())
    letter = house.dead()[event.id]
    assert (letter.attempts, letter.sender, letter.queue) == (ATTEMPTS, None, "probe.intake.normal.v1")
    assert letter.first_failed_at is not None
    assert not letter.first_failed_at.startswith("2001")
    assert len(house.attempts(event)) == ATTEMPTS
    assert {row["sender"] for row in house.rows("probe", "attempts", {"event": event.id})} == {None}


def test_the_brokers_validated_user_is_the_sender_also_after_a_climb(house: ProbeHouse) -> None:
    event = make_do("raise")
    publish(house, encode(event), event.id, properties={"user_id": OPERATOR})
    eventually(lambda: event.id in house.dead())
    assert {row["sender"] for row in house.rows("probe", "attempts", {"event": event.id})} == {OPERATOR}
    assert house.dead()[event.id].sender == OPERATOR


@pytest.mark.parametrize(
    "odd",
    [{"timestamp": 1_750_000_000_000}, {"message_id": b"st\xf6rung"}, {"headers": {b"st\xf6rung": 1}}],
    ids=["milliseconds", "latin-1 id", "latin-1 header"],
)
def test_properties_that_cannot_be_read_cost_no_connection(house: ProbeHouse, odd: dict[str, Any]) -> None:
    lost = house.metric("probe", "itsm_consumer_reconnects_total")
    events = [make_do("keep") for _ in range(3)]
    with pika.BlockingConnection(pika.URLParameters(house.uri(OPERATOR))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for event, more in zip(events, ({}, odd, {}), strict=True):
            properties = pika.BasicProperties(**{"content_type": CONTENT_TYPE, "message_id": event.id, **more})
            channel.basic_publish(INTAKE, "probe.do", encode(event), properties)
    eventually(lambda: house.kept() >= {event.id for event in events})
    assert house.metric("probe", "itsm_consumer_reconnects_total") == lost


def test_each_outcome_is_counted(house: ProbeHouse) -> None:
    def handled() -> dict[str, float]:
        names = ("handled", "duplicate", "retried", "dead")
        return {name: house.metric("probe", "itsm_events_handled_total", outcome=name) for name in names}

    before = handled()
    event = make_do("keep")
    for _ in range(2):
        publish(house, encode(event), event.id)
        eventually(lambda: event.id in house.kept())
    (raising,) = house.tell("raise")
    eventually(lambda: raising.id in house.dead())
    expected = {"handled": 1, "duplicate": 1, "retried": ATTEMPTS - 1, "dead": 1}
    eventually(lambda: {name: handled()[name] - before[name] for name in expected} == expected)


def test_dead_letters_are_listed_replayed_and_discarded(house: ProbeHouse) -> None:
    refused = house.tell("reject", "reject", "reject")
    eventually(lambda: set(house.dead()) == {event.id for event in refused})
    with house.channel() as channel:
        (letter,) = discard(channel, "probe", refused[0].id, record=nothing)
        assert letter.message_id == refused[0].id
    assert set(house.dead()) == {event.id for event in refused[1:]}
    with house.channel() as channel, pytest.raises(NotFound):
        discard(channel, "probe", refused[0].id, record=nothing)
    with house.channel() as channel:
        assert len(discard(channel, "probe", record=nothing)) == 2
    assert house.dead() == {}


def test_a_walk_through_the_dead_letters_leaves_them_at_hand_for_the_next(house: ProbeHouse) -> None:
    ids = [f"letter-{number}" for number in range(30)]
    for one in ids:
        put_among_the_dead(house, b"x" * 20_000, one)
    eventually(lambda: len(house.dead()) == len(ids))
    with house.channel() as channel:
        for _ in range(20):
            assert len(browse(channel, "probe", limit=20)) == 20
        assert {letter.message_id for letter in browse(channel, "probe")} == set(ids)
        assert len(discard(channel, "probe", record=nothing)) == len(ids)


def put_among_the_dead(house: ProbeHouse, body: bytes, message_id: str) -> None:
    headers = {"x-reason": "handler-error", "x-queue": "probe.intake.urgent.v1", "x-attempt": 8, "x-sender": "monitor"}
    letter = Message(exchange="itsm.dead", routing_key="probe.dead", body=body, message_id=message_id, headers=headers)
    house.publish_raw([letter], user=OPERATOR)


def test_a_dead_letter_that_is_replayed_has_its_effect_and_keeps_its_sender(house: ProbeHouse) -> None:
    event = make_do("keep")
    put_among_the_dead(house, encode(event), event.id)
    publisher = Publisher(house.uri(OPERATOR))
    with house.channel() as channel:
        (letter,) = replay(channel, publisher, "probe", event.id, record=nothing)
    assert (letter.message_id, letter.attempts) == (event.id, 8)
    eventually(lambda: event.id in house.kept())
    (row,) = house.rows("probe", "kept", {"_id": f"/monitor:{event.id}"})
    assert row["sender"] == "monitor"
    assert house.dead() == {}
    publisher.close()


def test_a_dead_letter_that_is_replayed_twice_has_its_effect_once(house: ProbeHouse) -> None:
    event = make_do("keep")
    put_among_the_dead(house, encode(event), event.id)
    put_among_the_dead(house, encode(event), event.id)
    publisher = Publisher(house.uri(OPERATOR))
    with house.channel() as channel:
        assert len(replay(channel, publisher, "probe", record=nothing)) == 1
    eventually(lambda: event.id in house.kept())
    house.wait_quiet()
    assert len(house.rows("probe", "inbox", {"_id": f"probe:/monitor:{event.id}"})) == 1
    assert house.dead() == {}
    publisher.close()


def test_replaying_all_ends_although_each_letter_dies_again(house: ProbeHouse) -> None:
    refused = house.tell(*["reject"] * 5)
    eventually(lambda: len(house.dead()) == len(refused))
    publisher = Publisher(house.uri(OPERATOR))
    with house.channel() as channel:
        assert len(replay(channel, publisher, "probe", record=nothing)) == len(refused)
    publisher.close()
    eventually(lambda: len(house.dead()) == len(refused))


def test_a_letter_whose_queue_is_gone_stays_among_the_dead(house: ProbeHouse) -> None:
    headers = {"x-reason": "handler-error", "x-queue": "probe.gone.v0"}
    house.publish_raw(
        [Message(exchange="itsm.dead", routing_key="probe.dead", body=b"{}", message_id="stays", headers=headers)],
        user=OPERATOR,
    )
    publisher = Publisher(house.uri(OPERATOR))
    with house.channel() as channel, pytest.raises(Exception, match="did not take it"):
        replay(channel, publisher, "probe", "stays", record=nothing)
    publisher.close()
    assert set(house.dead()) == {"stays"}


def test_replaying_a_letter_that_is_not_there_says_so(house: ProbeHouse) -> None:
    publisher = Publisher(house.uri(OPERATOR))
    with house.channel() as channel, pytest.raises(NotFound):
        replay(channel, publisher, "probe", "nothing", record=nothing)
    publisher.close()


def nothing(_letter: DeadLetter) -> None:
    """The account that these tests do not look at."""
