"""What a publisher reports: confirmed, returned, refused; and that no broker, dead or silent, makes it hang."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deploy.local.access import OPERATOR
from deploy.local.broker import Broker
from deploy.local.database import Database
from deploy.local.ports import free_port
from shared.errors import Unavailable
from shared.publisher import WINDOW, Message, Outcome, Publisher
from shared.receiving import Session
from tests.faults.proxy import Proxy
from tests.integration.probe_house import ProbeHouse, eventually, probe_house

QUORUM = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}


@pytest.fixture(scope="module")
def house(broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbeHouse]:
    with probe_house(broker, database, tmp_path_factory.mktemp("publishing")) as one:
        with one.channel() as channel:
            channel.queue_declare("open", durable=True, auto_delete=False, arguments=QUORUM)
            channel.queue_declare("full", durable=True, auto_delete=False, arguments={**QUORUM, "x-max-length": 5})
        yield one


@pytest.fixture
def publisher(house: ProbeHouse) -> Iterator[Publisher]:
    with house.channel() as channel:
        for queue in ("open", "full"):
            channel.queue_purge(queue)
    one = Publisher(house.uri(OPERATOR))
    yield one
    one.close()


@pytest.fixture
def proxy(house: ProbeHouse) -> Iterator[Proxy]:
    one = Proxy(house.broker.port)
    one.start()
    yield one
    one.close()


def through(house: ProbeHouse, proxy: Proxy, **options: Any) -> Publisher:
    return Publisher(house.uri(OPERATOR).replace(f":{house.broker.port}/", f":{proxy.port}/"), **options)


def make_messages(count: int, queue: str = "open", **overrides: Any) -> list[Message]:
    fields = {"exchange": "", "routing_key": queue, "body": b"{}"}
    return [Message(**{**fields, "message_id": f"{queue}-{number}", **overrides}) for number in range(count)]


def received(house: ProbeHouse, queue: str) -> list[str]:
    found = []
    with house.channel() as channel:
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            found.append(message.properties["message_id"])
    return found


def test_what_is_confirmed_is_there_in_order_also_beyond_one_window(house: ProbeHouse, publisher: Publisher) -> None:
    messages = make_messages(WINDOW + 10)
    assert publisher.publish(messages) == [Outcome.CONFIRMED] * len(messages)
    assert received(house, "open") == [message.message_id for message in messages]


def test_nothing_to_publish_needs_no_broker() -> None:
    assert Publisher("amqp://127.0.0.1:1/").publish([]) == []


def test_a_message_is_persistent_and_says_what_it_is(house: ProbeHouse, publisher: Publisher) -> None:
    publisher.publish(make_messages(1, headers={"x-a": 1}, properties={"correlation_id": "c"}))
    with house.channel() as channel:
        message = channel.basic_get("open", no_ack=True)
    headers = message.properties.pop("application_headers")
    assert headers["x-a"] == 1
    assert message.properties == {
        "content_type": "application/cloudevents+json",
        "content_encoding": "utf-8",
        "delivery_mode": 2,
        "correlation_id": "c",
        "message_id": "open-0",
    }


def test_what_no_queue_takes_is_returned_and_the_others_are_confirmed(house: ProbeHouse, publisher: Publisher) -> None:
    (lost,) = make_messages(1, "nowhere")
    first, last = make_messages(2)
    outcomes = publisher.publish([first, lost, lost, last])
    assert outcomes == [Outcome.CONFIRMED, Outcome.RETURNED, Outcome.RETURNED, Outcome.CONFIRMED]
    assert received(house, "open") == ["open-0", "open-1"]


def test_what_need_not_have_a_queue_is_confirmed_without_one(publisher: Publisher) -> None:
    assert publisher.publish(make_messages(1, "nowhere", mandatory=False)) == [Outcome.CONFIRMED]


def test_a_full_queue_refuses_and_what_it_refused_is_not_in_it(house: ProbeHouse, publisher: Publisher) -> None:
    outcomes = []
    for message in make_messages(20, "full"):
        outcomes += publisher.publish([message])
    assert set(outcomes) == {Outcome.CONFIRMED, Outcome.NACKED}
    kept = [f"full-{number}" for number, outcome in enumerate(outcomes) if outcome is Outcome.CONFIRMED]
    assert received(house, "full") == kept


def test_threads_share_a_publisher(house: ProbeHouse, publisher: Publisher) -> None:
    messages = make_messages(40)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda message: publisher.publish([message]), messages))
    assert outcomes == [[Outcome.CONFIRMED]] * 40
    assert sorted(received(house, "open")) == sorted(message.message_id for message in messages)


def test_a_broker_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        Publisher(f"amqp://a:b@127.0.0.1:{free_port()}/").publish(make_messages(1))


def test_an_exchange_that_does_not_exist_is_unavailable_and_costs_only_that_call(publisher: Publisher) -> None:
    with pytest.raises(Unavailable, match="NotFound"):
        publisher.publish(make_messages(1, exchange="no.such"))
    assert publisher.publish(make_messages(1)) == [Outcome.CONFIRMED]


def test_after_a_reset_the_next_call_goes_through(house: ProbeHouse, publisher: Publisher, proxy: Proxy) -> None:
    broken = through(house, proxy)
    assert broken.publish(make_messages(1)) == [Outcome.CONFIRMED]
    proxy.reset()
    with pytest.raises(Unavailable):
        broken.publish(make_messages(1))
    assert broken.publish(make_messages(1)) == [Outcome.CONFIRMED]
    broken.close()


@pytest.mark.parametrize("way", [{"down": True, "up": False}, {"up": True, "down": False}, {"up": True, "down": True}])
def test_a_broker_that_falls_silent_does_not_hold_a_publisher(
    house: ProbeHouse, publisher: Publisher, proxy: Proxy, way: dict[str, bool]
) -> None:
    silent = through(house, proxy, confirm_seconds=0.5)
    assert silent.publish(make_messages(1)) == [Outcome.CONFIRMED]
    proxy.hole(**way)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        silent.publish(make_messages(1))
    assert time.monotonic() - began < 2
    proxy.heal()
    proxy.reset()
    eventually(lambda: confirmed(silent))
    silent.close()


def test_a_broker_that_answers_nothing_from_the_first_does_not_hold_a_publisher(
    house: ProbeHouse, proxy: Proxy
) -> None:
    proxy.hole()
    silent = through(house, proxy)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        silent.publish(make_messages(1))
    assert time.monotonic() - began < 8


def test_a_connection_for_receiving_is_dropped_at_once_although_the_broker_is_silent(
    house: ProbeHouse, proxy: Proxy
) -> None:
    session = Session(house.uri(OPERATOR).replace(f":{house.broker.port}/", f":{proxy.port}/"))
    proxy.hole()
    began = time.monotonic()
    session.drop()
    assert time.monotonic() - began < 1


def confirmed(publisher: Publisher) -> bool:
    try:
        return publisher.publish(make_messages(1)) == [Outcome.CONFIRMED]
    except Unavailable:
        return False


def test_a_broker_that_is_killed_is_unavailable_until_it_is_back(tmp_path: Path) -> None:
    """On a broker of its own: the others' must live."""
    broker = Broker(tmp_path / "broker")
    broker.start()
    try:
        publisher = Publisher(broker.uri(OPERATOR))
        assert publisher.publish(make_messages(1, "nowhere", mandatory=False)) == [Outcome.CONFIRMED]
        broker.kill()
        for _ in range(2):
            with pytest.raises(Unavailable):
                publisher.publish(make_messages(1, "nowhere", mandatory=False))
    finally:
        broker.kill()
