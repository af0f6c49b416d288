"""A connection that breaks between a copy and the acknowledgement of its original makes two of no message."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.access import OPERATOR
from deploy.local.broker import Broker
from deploy.local.database import Database
from shared.deadletter import DeadLetter
from shared.deadqueue import discard, replay
from shared.envelope import Envelope, encode
from shared.publisher import Message, Publisher
from shared.topology import INTAKE
from tests.integration.probe_house import ATTEMPTS, ProbeHouse, eventually, make_do, probe_house

PATIENCE = 40.0


@pytest.fixture(scope="module")
def running(broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbeHouse]:
    with probe_house(broker, database, tmp_path_factory.mktemp("ladder")) as house:
        house.start(["probe"])
        yield house


@pytest.fixture
def house(running: ProbeHouse) -> ProbeHouse:
    running.bury()
    return running


def outcomes(house: ProbeHouse) -> dict[str, float]:
    names = ("retried", "dead", "duplicate")
    return {name: house.metric("probe", "itsm_events_handled_total", outcome=name) for name in names}


def send(house: ProbeHouse, *events: Envelope) -> None:
    house.publish_raw(
        [Message(exchange=INTAKE, routing_key="probe.do", body=encode(one), message_id=one.id) for one in events],
        user=OPERATOR,
    )


def letters(house: ProbeHouse, event: Envelope) -> list[tuple[int, int]]:
    """Attempts and copies of the letters of an event, once all is quiet."""
    eventually(lambda: event.id in house.dead(), PATIENCE)
    house.wait_quiet()
    return [(letter.attempts, letter.copies) for letter in house.dead().values()]


def lying(house: ProbeHouse) -> int:
    return house.queue_lengths()["probe.dead"]


def nothing(_letter: DeadLetter) -> None:
    """The account that these tests do not look at."""


def test_a_message_climbs_once_although_its_connection_breaks_at_each_acknowledgement(house: ProbeHouse) -> None:
    before = outcomes(house)
    (event,) = house.tell("raise", data={"cut": "ack"})
    expected = {"retried": ATTEMPTS - 1, "dead": 1, "duplicate": ATTEMPTS}
    eventually(lambda: {name: count - before[name] for name, count in outcomes(house).items()} == expected, PATIENCE)
    assert letters(house, event) == [(ATTEMPTS, 1)]
    assert lying(house) == 1


def test_a_refused_message_is_one_letter_although_its_connection_breaks(house: ProbeHouse) -> None:
    before = outcomes(house)
    (event,) = house.tell("reject", data={"cut": "ack"})
    eventually(lambda: outcomes(house)["duplicate"] == before["duplicate"] + 1)
    assert letters(house, event) == [(1, 1)]
    assert lying(house) == 1


def test_two_of_a_message_are_one_again_at_the_next_attempt_and_one_letter_to_whoever_looks(house: ProbeHouse) -> None:
    (event,) = house.tell("raise", data={"cut": "note"})
    ((attempts, copies),) = letters(house, event)
    # At the last attempt nobody can know whether the letter is there: it may be there twice, and is shown as one.
    assert (attempts, copies) == (ATTEMPTS, lying(house))
    assert copies <= 2
    with house.channel() as channel:
        assert len(discard(channel, "probe", event.id, record=nothing)) == 1
    assert lying(house) == 0


def test_a_message_that_its_sender_repeats_is_one_letter(house: ProbeHouse) -> None:
    event = make_do("reject")
    for _ in range(4):
        send(house, event, event)
        eventually(lambda: event.id in house.dead())
    assert letters(house, event) == [(1, 1)]
    assert lying(house) == 1


def test_what_was_taken_away_and_is_sent_again_is_told_again(house: ProbeHouse) -> None:
    event = make_do("reject")
    send(house, event)
    eventually(lambda: event.id in house.dead())
    house.bury()

    def sent_again() -> bool:
        send(house, event)
        return event.id in house.dead()

    eventually(sent_again)


def test_a_letter_that_is_replayed_climbs_again_and_is_one_letter_again(house: ProbeHouse) -> None:
    (event,) = house.tell("raise", data={"cut": "ack"})
    letters(house, event)
    tried = len(house.attempts(event))
    publisher = Publisher(house.uri(OPERATOR))
    with house.channel() as channel:
        (letter,) = replay(channel, publisher, "probe", event.id, record=nothing)
    publisher.close()
    assert letter.replays == 0
    eventually(lambda: len(house.attempts(event)) >= tried + ATTEMPTS and event.id in house.dead(), PATIENCE)
    assert letters(house, event) == [(ATTEMPTS, 1)]
    assert house.dead()[event.id].replays == 1
    assert lying(house) == 1
