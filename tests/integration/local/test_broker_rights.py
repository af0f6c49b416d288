"""Users of a real broker, each trying what it may and what it may not."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from amqp import Message
from amqp.exceptions import AccessRefused
from kombu import Connection

from deploy.local import amqp
from deploy.local.access import OPERATOR, RELAY, SENDER
from deploy.local.broker import Broker
from deploy.local.database import Database
from shared.topology import Topology
from tests.house import House

Act = Callable[[object], object]


@pytest.fixture(scope="module")
def house(broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    one = House(broker, database, tmp_path_factory.mktemp("house"))
    one.declare()
    yield one
    one.stop()


def attempt(house: House, user: str, act: Act) -> None:
    """Do it as that user, and wait for the broker's word on it."""
    with Connection(house.uri(user)) as connection:
        channel = connection.channel()
        channel.confirm_select()
        act(channel)


def publish(exchange: str, key: str) -> Act:
    return lambda channel: channel.basic_publish_confirm(Message("{}"), exchange, key)  # type: ignore[attr-defined]


def consume(queue: str) -> Act:
    return lambda channel: channel.basic_consume(queue, callback=print)  # type: ignore[attr-defined]


def delete(queue: str) -> Act:
    return lambda channel: channel.queue_delete(queue)  # type: ignore[attr-defined]


def declare_own(topology: Topology, name: str) -> Act:
    queue = next(one for one in topology.queues if one.name == name)
    return lambda channel: channel.queue_declare(  # type: ignore[attr-defined]
        queue.name, durable=True, auto_delete=False, arguments=dict(queue.arguments)
    )


def listen_to_all_calls(channel: object) -> None:
    queue = channel.queue_declare("rpc.reply-1", exclusive=True).queue  # type: ignore[attr-defined]
    channel.queue_bind(queue, "nameko-rpc", "#")  # type: ignore[attr-defined]


def test_each_user_may_do_its_work(house: House) -> None:
    attempt(house, SENDER, publish("itsm.intake", "alert.firing"))
    attempt(house, RELAY, publish("incident.events", "incident.opened.urgent"))
    attempt(house, "sla", publish("itsm.retry.1000", "sla.incident.normal.v1"))
    attempt(house, "sla", publish("itsm.dead", "sla.dead"))
    attempt(house, "sla", publish("nameko-rpc", "rpc.reply-1"))
    attempt(house, "sla", consume("rpc-sla"))
    attempt(house, "sla", declare_own(house.topology, "sla.incident.urgent.v1"))
    attempt(house, "sla", consume("sla.incident.urgent.v1"))
    attempt(house, "gateway", publish("nameko-rpc", "incident.get"))
    attempt(house, OPERATOR, consume("sla.dead"))


@pytest.mark.parametrize(
    ("user", "act"),
    [
        (SENDER, publish("incident.events", "incident.opened.urgent")),
        (SENDER, publish("", "incident.intake.normal.v1")),
        (SENDER, publish("nameko-rpc", "incident.close")),
        (SENDER, consume("incident.intake.normal.v1")),
        (RELAY, publish("itsm.intake", "alert.firing")),
        (RELAY, consume("sla.incident.normal.v1")),
        ("sla", publish("incident.events", "incident.opened.urgent")),
        ("sla", publish("sla.events", "sla.breached.urgent")),
        ("sla", publish("itsm.intake", "alert.firing")),
        ("sla", publish("", "notify.sla.normal.v1")),
        ("sla", publish("nameko-rpc", "incident.close")),
        ("sla", consume("notify.sla.normal.v1")),
        ("sla", consume("sla.dead")),
        ("sla", delete("notify.sla.normal.v1")),
        ("gateway", publish("incident.events", "incident.opened.urgent")),
        ("gateway", listen_to_all_calls),
    ],
)
def test_nobody_may_do_the_work_of_another(house: House, user: str, act: Act) -> None:
    with pytest.raises(AccessRefused):
        attempt(house, user, act)


def test_there_is_no_guest(broker: Broker) -> None:
    uri = f"amqp://guest:guest@127.0.0.1:{broker.port}/deskwire"
    assert amqp.fault(uri) == "it refuses the user or the password"


def test_a_wrong_virtual_host_is_said_in_words(broker: Broker) -> None:
    assert amqp.fault(broker.uri(SENDER, "nowhere")) == "the virtual host does not exist, or the user may not use it"


def test_nobody_from_outside_can_reach_the_broker(broker: Broker) -> None:
    with pytest.raises(OSError, match=r"refused|unreachable"):
        socket.create_connection(("127.0.0.2", broker.port), timeout=2)
