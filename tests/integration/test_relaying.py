"""From the journal to the broker: at least once, in order, urgent first, and one bad row holds up no other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import mongoengine
import pytest
from pymongo import UpdateOne

from deploy.local.access import RELAY
from deploy.local.broker import Broker
from deploy.local.database import Database
from shared.clock import FixedClock, SystemClock
from shared.declaring import declare
from shared.envelope import Lane, decode
from shared.errors import Conflict, Unavailable
from shared.ids import SystemIds
from shared.lease import Lease, Leases
from shared.mongo import MongoStore, connect
from shared.posting import PARKED_RETRY
from shared.publisher import Message, Outcome, Publisher
from shared.relaying import MOST_MOVED, NACKED_RETRY, REST, Relay, unsent
from shared.schema import backbone, ensure
from shared.storage import Repository
from shared.store import JOURNAL, PARKED
from shared.testing import make_cause, make_instant
from shared.unit_of_work import UnitOfWork, Work
from tests.integration.probe_house import ProbeHouse, probe_house
from tests.unit.shared.records import SHAPE, make_event, make_thing

QUEUES = {lane: f"probe.probe.{lane.label}.v1" for lane in Lane}
DONE = Repository(replace(SHAPE, service="probe"))


@pytest.fixture(scope="module")
def house(broker: Broker, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbeHouse]:
    with probe_house(broker, database, tmp_path_factory.mktemp("relaying")) as one:
        yield one


class Desk:
    """A journal with what writes it and what relays it, all in the test's own process."""

    def __init__(self, house: ProbeHouse) -> None:
        self.house = house
        self.alias = uuid4().hex
        self.database = connect(house.database.uri, f"{house.prefix}{self.alias}", self.alias)
        ensure(self.database, {**backbone(inbox_days=30, journal_days=400), "things": ()})
        self.database["things"].create_index([("key", 1), ("version", 1)])
        self.store = MongoStore(self.database)
        self.clock = FixedClock(SystemClock().now())
        self.publisher = Publisher(house.uri(RELAY))
        self.unit = UnitOfWork(self.store, SystemClock(), SystemIds())

    def relay(self, name: str = "one", publisher: Any = None, clock: Any = None, kind: Any = Relay) -> Any:
        clock = clock or self.clock
        leases = Leases(self.store, clock, name, span=timedelta(seconds=5))
        return kind("probe", self.database, publisher or self.publisher, self.house.topology, clock, leases)

    def write(self, count: int = 1, *, event: str = "probe.done", priority: str = "P3") -> list[str]:
        """Open this many records, one event each; returns their numbers."""
        keys = [uuid4().hex for _ in range(count)]

        def block(work: Work) -> None:
            for key in keys:
                thing, events = make_thing(priority=priority), [make_event(type=event, at=make_instant())]
                DONE.save(work, None, thing, events, make_cause(), key=key)

        self.unit.run(block)
        return keys

    def rows(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.database[JOURNAL].find(query))

    def settled(self, relay: Relay) -> list[str]:
        """Let the relay store its marks; returns the subjects of what it has not sent."""
        self.clock.advance(REST)
        relay.turn()
        return self.unsent()

    def unsent(self) -> list[str]:
        return [row["subject"] for row in unsent(self.database)]

    def parked(self) -> list[str]:
        ids = [row["_id"] for row in self.database[PARKED].find({})]
        return [row["subject"] for row in self.rows() if row["_id"] in ids]

    def positions(self) -> list[int]:
        return sorted(row["position"] for row in self.rows() if row["position"] is not None)

    def received(self, *lanes: Lane) -> list[str]:
        """The subjects of what lies in the queues, which are empty then."""
        found = []
        with self.house.channel() as channel:
            for lane in lanes or tuple(Lane):
                while (message := channel.basic_get(QUEUES[lane], no_ack=True)) is not None:
                    found.append(str(decode(bytes(message.body)).subject))
        return found

    def close(self) -> None:
        self.publisher.close()
        self.database.client.drop_database(self.database.name)
        mongoengine.disconnect(self.alias)


@pytest.fixture
def desk(house: ProbeHouse) -> Iterator[Desk]:
    one = Desk(house)
    one.received()
    yield one
    with house.channel() as channel:
        declare(house.topology, channel)
    one.close()


class Broken:
    """A publisher that does what the test says around the real one."""

    def __init__(self, real: Publisher, act: Callable[[Publisher, Sequence[Message]], list[Outcome]]) -> None:
        self._real, self._act = real, act
        self.seen: list[str] = []

    def publish(self, messages: Sequence[Message]) -> list[Outcome]:
        self.seen += [message.routing_key for message in messages]
        return self._act(self._real, messages)


def test_what_is_in_the_journal_reaches_the_queues_and_is_marked_sent(desk: Desk) -> None:
    keys = desk.write(30)
    relay = desk.relay()
    assert relay.fault is not None
    assert relay.turn() == 30
    assert relay.fault is None
    assert desk.received() == [row["subject"] for row in sorted(desk.rows(), key=lambda row: row["position"])]
    assert {row["subject"] for row in desk.rows()} == set(keys)
    assert desk.positions() == list(range(1, 31))
    assert relay.turn() == 0
    assert desk.settled(relay) == []


def test_the_message_is_the_event_as_it_was_stored_under_its_own_id(desk: Desk) -> None:
    desk.write()
    desk.relay().turn()
    (row,) = desk.rows()
    with desk.house.channel() as channel:
        message = channel.basic_get(QUEUES[Lane.NORMAL], no_ack=True)
    assert bytes(message.body) == row["body"]
    assert message.properties["message_id"] == row["_id"] == decode(row["body"]).id
    assert message.delivery_info["routing_key"] == "probe.done.normal"
    assert message.delivery_info["exchange"] == "probe.events"


def test_a_records_versions_are_published_in_order(desk: Desk) -> None:
    (key,) = desk.write()

    def change(work: Work) -> None:
        stored = DONE.get(work, key)
        events = [make_event(type="probe.done", change={"step": step}) for step in range(5)]
        DONE.save(work, stored, stored.state, events, make_cause())

    desk.unit.run(change)
    desk.unit.run(change)
    desk.relay().turn()
    with desk.house.channel() as channel:
        bodies = [channel.basic_get(QUEUES[Lane.NORMAL], no_ack=True).body for _ in range(11)]
    assert [decode(bytes(body)).sequence for body in bodies] == list(range(1, 12))


class Moving(Relay):
    """A relay that tells how many rows each of its transactions moves."""

    moved: tuple[int, ...] = ()

    def _move(self, lease: Lease, updates: Sequence[UpdateOne]) -> None:
        super()._move(lease, updates)
        self.moved = (*self.moved, len(updates))


def test_a_journal_of_large_events_is_moved_in_small_transactions_and_in_order(desk: Desk) -> None:
    (key,) = desk.write()
    title = "x" * (MOST_MOVED // 5)

    def block(work: Work) -> None:
        stored = DONE.get(work, key)
        DONE.save(work, stored, make_thing(title=title), [make_event(type="probe.done")], make_cause())

    for _ in range(20):
        desk.unit.run(block)
    relay = desk.relay(kind=Moving)
    assert relay.turn() == 21
    assert max(relay.moved) <= 5
    in_order = sorted(desk.rows(), key=lambda row: row["position"])
    assert [row["sequence"] for row in in_order] == list(range(1, 22))
    assert desk.received() == [key] * 21


def test_urgent_events_are_published_before_those_that_were_stored_before_them(desk: Desk) -> None:
    desk.write(3)
    desk.write(3, priority="P1")
    publisher = Broken(desk.publisher, lambda real, messages: real.publish(messages))
    assert desk.relay(publisher=publisher).turn() == 6
    assert publisher.seen == ["probe.done.urgent"] * 3 + ["probe.done.normal"] * 3


def test_an_event_that_nobody_binds_is_sent_all_the_same(desk: Desk) -> None:
    desk.write(event="other.done")
    relay = desk.relay()
    assert relay.turn() == 1
    assert desk.settled(relay) == []


def test_a_crash_between_publish_and_mark_repeats_and_never_loses(desk: Desk) -> None:
    def crash(real: Publisher, messages: Sequence[Message]) -> list[Outcome]:
        real.publish(messages)
        raise KeyboardInterrupt

    keys = desk.write(5)
    with pytest.raises(KeyboardInterrupt):
        desk.relay("first", publisher=Broken(desk.publisher, crash)).turn()
    assert sorted(desk.unsent()) == sorted(keys)
    desk.clock.advance(timedelta(seconds=6))
    assert desk.relay("second").turn() == 5
    assert Counter(desk.received()) == dict.fromkeys(keys, 2)
    assert desk.positions() == [1, 2, 3, 4, 5]


def test_a_crash_before_publish_loses_nothing(desk: Desk) -> None:
    def crash(real: Publisher, messages: Sequence[Message]) -> list[Outcome]:
        raise Unavailable("the broker is away")

    keys = desk.write(5)
    relay = desk.relay(publisher=Broken(desk.publisher, crash))
    for _ in range(2):
        with pytest.raises(Unavailable):
            relay.turn()
    assert desk.received() == []
    relay.stop()
    assert desk.relay("second").turn() == 5
    assert sorted(desk.received()) == sorted(keys)
    assert desk.positions() == [1, 2, 3, 4, 5]


def test_a_row_that_no_queue_takes_is_parked_holds_up_no_other_and_is_tried_again_later(desk: Desk) -> None:
    with desk.house.channel() as channel:
        channel.queue_delete(QUEUES[Lane.URGENT])
    (parked,) = desk.write(priority="P1")
    others = desk.write(3)
    relay = desk.relay()
    assert relay.turn() == 3
    assert desk.parked() == [parked]
    assert sorted(desk.received(Lane.NORMAL)) == sorted(others)
    with desk.house.channel() as channel:
        declare(desk.house.topology, channel)
    assert relay.turn() == 0
    for _ in range(2):
        desk.clock.advance(PARKED_RETRY + REST)
        relay.turn()
        relay.turn()
    assert desk.received() == [parked]
    assert desk.settled(relay) == []


def test_what_a_full_queue_refused_is_published_when_there_is_room_without_a_new_event(desk: Desk) -> None:
    full = [True]

    def refuse(real: Publisher, messages: Sequence[Message]) -> list[Outcome]:
        return [Outcome.NACKED] * len(messages) if full[0] else real.publish(messages)

    keys = desk.write(3)
    publisher = Broken(desk.publisher, refuse)
    relay = desk.relay(publisher=publisher)
    assert [relay.turn() for _ in range(5)] == [0] * 5
    # Other queues of the same event get a copy at each attempt: it is not made at every turn.
    assert len(publisher.seen) == 3
    assert sorted(desk.unsent()) == sorted(keys)
    full[0] = False
    desk.clock.advance(NACKED_RETRY)
    assert relay.turn() == 3
    assert sorted(desk.received()) == sorted(keys)


def test_a_lane_whose_queue_is_full_does_not_hold_up_the_others(desk: Desk) -> None:
    def refuse(real: Publisher, messages: Sequence[Message]) -> list[Outcome]:
        refused = [message.routing_key.endswith(".urgent") for message in messages]
        taken = iter(real.publish([one for one, full in zip(messages, refused, strict=True) if not full]))
        return [Outcome.NACKED if full else next(taken) for full in refused]

    desk.write(2, priority="P1")
    normal = desk.write(2)
    assert desk.relay(publisher=Broken(desk.publisher, refuse)).turn() == 2
    assert sorted(desk.received()) == sorted(normal)


def test_only_the_holder_of_the_lease_relays_and_a_stopped_one_gives_it_back(desk: Desk) -> None:
    one, other = desk.relay("one"), desk.relay("other")
    desk.write(2)
    assert (one.turn(), other.turn()) == (2, 0)
    desk.write(2)
    assert other.turn() == 0
    one.stop()
    assert other.turn() == 2
    assert desk.positions() == [1, 2, 3, 4]


def test_a_relay_that_was_overtaken_gives_no_positions(desk: Desk) -> None:
    stale, clock = desk.relay("stale"), FixedClock(desk.clock.now())
    assert stale.turn() == 0
    clock.advance(timedelta(seconds=6))
    fresh = desk.relay("fresh", clock=clock)
    assert fresh.turn() == 0
    desk.write(2)
    with pytest.raises(Conflict):
        stale.turn()
    assert desk.positions() == []
    assert fresh.turn() == 2
    assert desk.positions() == [1, 2]


def test_positions_are_gapless_and_unique_with_relays_that_compete_while_events_are_stored(desk: Desk) -> None:
    """Both believe to hold the lease nearly all the time: each has a clock that runs ahead of the other's."""
    stopping = threading.Event()

    def compete(name: str) -> None:
        clock = FixedClock(SystemClock().now())
        publisher = Publisher(desk.house.uri(RELAY))
        relay = desk.relay(name, publisher=publisher, clock=clock)
        while not stopping.is_set():
            clock.advance(timedelta(seconds=3))
            try:
                relay.turn()
            except Conflict:
                continue
        publisher.close()

    threads = [threading.Thread(target=compete, args=(name,)) for name in ("one", "other")]
    for thread in threads:
        thread.start()
    keys = [key for _ in range(15) for key in desk.write(4)]
    stopping.set()
    for thread in threads:
        thread.join()
    desk.clock.advance(timedelta(days=30))
    last = desk.relay("last")
    while desk.settled(last):
        pass
    assert desk.positions() == list(range(1, 61))
    assert set(desk.received()) == set(keys)
