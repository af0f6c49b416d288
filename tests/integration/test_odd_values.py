"""What JSON allows and a library or the database may not: the services as they run take it or refuse it at once."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kombu import Connection

from deploy.local.access import OPERATOR
from deploy.local.broker import Broker
from deploy.local.database import Database
from deploy.local.process import wait_for
from shared.deadletter import DeadLetter
from shared.deadqueue import browse
from shared.errors import DeskwireError
from shared.ids import SystemIds
from shared.publisher import Message
from shared.rpc import RpcClient
from shared.topology import INTAKE
from tests.house import House
from tests.unit.whole import nasty
from tests.unit.whole.test_anything import messages

once = settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def house(broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    # The first attempt is the last: what fails in a way of its own is a dead letter at once.
    options = {"services": ["incident", "change"], "environment": {"DESKWIRE_RETRY_ATTEMPTS": "1"}}
    one = House(broker, database, tmp_path_factory.mktemp("odd"), **options)
    one.declare()
    one.start(["incident", "change"])
    yield one
    one.stop()


def publish(house: House, bodies: list[bytes]) -> None:
    ids = SystemIds()
    keys = [_key_of(body) for body in bodies]
    house.publish_raw(
        [
            Message(exchange=INTAKE, routing_key=key, body=body, message_id=ids.new())
            for key, body in zip(keys, bodies, strict=True)
        ],
        user=OPERATOR,
    )


def _key_of(body: bytes) -> str:
    types = ("alert.firing", "alert.resolved", "ticket.submitted", "ticket.action", "change.deployed")
    return next((name for name in types if name.encode() in body.replace(b"\0", b"")), "alert.firing")


def dead(house: House) -> list[DeadLetter]:
    with Connection(house.uri(OPERATOR, direct=True)) as connection:
        channel = connection.default_channel
        channel.auto_decode = False
        return [letter for service in ("incident", "change") for letter in browse(channel, service)]


def wait_handled(house: House) -> None:
    """Until no queue but those of the dead has anything; nothing relays the journals here."""

    def handled() -> bool:
        return not any(count for name, count in house.queue_lengths().items() if not name.endswith(".dead"))

    assert wait_for(lambda: handled() and handled(), 60)


def make_event(**overrides: Any) -> dict[str, Any]:
    data = {"dedup_key": "odd", "title": "t", "severity": "critical"}
    event = {"specversion": "1.0", "id": "odd", "source": "/odd", "type": "alert.firing", "data": data}
    return {**event, "time": "2026-03-02T09:00:00Z", **overrides}


@once
@given(st.lists(messages(), min_size=50, max_size=80))
def test_no_message_comes_to_an_end_that_is_not_its_senders(house: House, bodies: list[bytes]) -> None:
    publish(house, bodies)
    wait_handled(house)
    assert {letter.reason for letter in dead(house)} <= {
        "bad-envelope",
        "bad-json",
        "hop-budget-exceeded",
        "invalid",
        "oversized",
        "not-allowed-in-this-state",
        "not-found",
        "unknown-reference",
        "action-out-of-order",
        "sequence-already-used",
        "forbidden",
    }


def test_an_event_with_a_mark_before_it_and_one_in_utf_16_are_taken(house: House) -> None:
    plain = orjson.dumps(make_event(id="marked"))
    wide = orjson.dumps(make_event(id="wide", type="alert.firing")).decode().encode("utf-16")
    publish(house, [codecs.BOM_UTF8 + plain + b"\r\n\0", wide])
    marked = {"incident:/odd:marked", "incident:/odd:wide"}
    # A queue is empty once its messages are delivered, which is before they are handled.
    assert wait_for(lambda: marked <= {row["_id"] for row in house.rows("incident", "inbox")}, 30), dead(house)


@pytest.mark.parametrize("service", ["incident", "change"])
def test_no_call_is_answered_with_a_fault_of_the_service(house: House, service: str) -> None:
    client = RpcClient(house.uri(OPERATOR), timeout=10)
    names = ["title", "number", "service", "ci", "limit", "after", "reason", "text", "kind", "expected_version"]
    arguments = nasty.dictionaries(names, title=st.just("t"), service=st.just("s"))
    more = nasty.dictionaries(["number", "expected_version", "idempotency_key", "correlationid"])

    @settings(once, max_examples=60)
    @given(st.sampled_from(["find", "get", "open", "request", "link", "close"]), arguments, more)
    def ask(method: str, args: dict[str, Any], rest: dict[str, Any]) -> None:
        try:
            client.call(service, method, {"args": args, "actor": {"kind": "person", "id": "u"}, **rest})
        except DeskwireError as error:
            assert error.slug not in ("internal-error", "unavailable", "bad-reply")
        except TypeError:
            # The client itself cannot write what is nested too deeply.
            return

    ask()
    client.close()
