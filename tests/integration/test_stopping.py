"""A consumer that stops while messages come in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from deploy.local.access import SENDER
from shared.envelope import Lane
from shared.ids import SystemIds
from shared.publisher import Publisher
from shared.receiving import Delivery, Session, Subscription
from shared.testing import make_envelope
from shared.topology import Queue, queue_name
from tests.house import House, intake_message

STOPS = 12
PREFETCH = 16


def pour(uri: str, ended: threading.Event) -> None:
    publisher, ids = Publisher(uri), SystemIds()
    while not ended.is_set():
        publisher.publish([intake_message(make_envelope(id=ids.new())) for _ in range(5)])
    publisher.close()


def serve(uri: str, queue: Queue, seconds: float) -> list[Delivery]:
    """Receive and settle for a while, then stop as a service does; returns what came."""
    subscription = Subscription(queues={Lane.NORMAL: queue}, prefetch=PREFETCH)
    session, came = Session(uri), list[Delivery]()
    session.consume(subscription, "incident")

    def settle() -> None:
        while subscription.buffers[Lane.NORMAL]:
            came.append(subscription.buffers[Lane.NORMAL].popleft())
            came[-1].ack()

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        session.drain()
        settle()
    session.cancel()
    settle()
    session.farewell()
    return came


def test_stopping_under_load_leaves_nothing_to_be_delivered_again(make_house: Callable[..., House]) -> None:
    house = make_house()
    wanted = queue_name("incident", "intake", Lane.NORMAL)
    queue = next(one for one in house.topology.queues if one.name == wanted)
    ended = threading.Event()
    pouring = threading.Thread(target=pour, args=(house.uri(SENDER), ended), daemon=True)
    pouring.start()

    came = [one for _ in range(STOPS) for one in serve(house.uri("incident"), queue, 0.1)]

    ended.set()
    with suppress(RuntimeError):
        pouring.join(10)
    assert len(came) > STOPS
    assert [one.trip.identity for one in came if one.trip.redelivered] == []
