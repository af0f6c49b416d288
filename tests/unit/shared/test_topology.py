"""Names, arguments and bindings of every queue, and topic matching against a slow model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.envelope import Lane
from shared.retry import LADDER
from shared.topology import (
    Catalogue,
    Topology,
    build,
    catalogue,
    events_exchange,
    house,
    matches,
    queue_name,
    retry_exchange,
    routing_key,
)


def make_catalogue(service: str, **overrides: object) -> Catalogue:
    return Catalogue(**{"service": service, "publishes": {}, "consumes": {}, **overrides})  # type: ignore[arg-type]


def make_topology() -> Topology:
    incident = make_catalogue("incident", consumes={"intake": ("alert.firing",)})
    sla = make_catalogue("sla", consumes={"incident": ("incident.#",), "change": ("change.closed",)})
    change = make_catalogue("change", consumes={"intake": ("change.deployed",)})
    return build([incident, change, sla], (timedelta(seconds=1), timedelta(milliseconds=1500)))


def arguments(topology: Topology, name: str) -> dict[str, object]:
    return dict(next(queue.arguments for queue in topology.queues if queue.name == name))


def reached(topology: Topology, exchange: str, key: str) -> set[str]:
    """The queues that a broker would put a message into."""
    found = next(one for one in topology.exchanges if one.name == exchange)
    pairs = [(q.name, pattern) for q in topology.queues for source, pattern in q.bindings if source == exchange]
    bound = {name for name, pattern in pairs if found.kind == "fanout" or matches(pattern, key)}
    alternate = found.arguments.get("alternate-exchange")
    if bound or alternate is None:
        return bound
    return {q.name for q in topology.queues for source, _ in q.bindings if source == alternate}


def test_each_consumer_has_one_queue_for_each_producer_and_lane() -> None:
    names = {queue.name for queue in make_topology().queues}
    assert {
        "incident.intake.urgent.v1",
        "incident.intake.normal.v1",
        "incident.intake.bulk.v1",
        "sla.incident.urgent.v1",
        "sla.change.bulk.v1",
        "incident.dead",
        "sla.dead",
        "change.dead",
        "rpc-sla",
        "retry.1000",
        "retry.1500",
    } <= names
    assert len(names) == len(make_topology().queues)


def test_every_work_queue_is_quorum_bounded_and_ends_in_its_consumers_dead_letters() -> None:
    assert arguments(make_topology(), "sla.incident.urgent.v1") == {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-max-length": 200_000,
        "x-delivery-limit": 20,
        "x-dead-letter-exchange": "itsm.dead",
        "x-dead-letter-routing-key": "sla.dead",
        "x-dead-letter-strategy": "at-least-once",
    }
    assert reached(make_topology(), "itsm.dead", "sla.dead") == {"sla.dead"}


def test_reading_dead_letters_often_loses_none() -> None:
    assert arguments(make_topology(), "sla.dead")["x-delivery-limit"] > 1_000_000


def test_a_retry_queue_gives_its_messages_back_to_the_queue_they_are_named_for() -> None:
    found = arguments(make_topology(), "retry.1500")
    assert found["x-message-ttl"] == 1500
    assert found["x-dead-letter-exchange"] == ""
    assert "x-dead-letter-routing-key" not in found
    step = retry_exchange(timedelta(milliseconds=1500))
    assert reached(make_topology(), step, "sla.incident.urgent.v1") == {"retry.1500"}


@pytest.mark.parametrize("lane", Lane)
def test_an_event_reaches_the_queue_of_its_lane_and_no_other(lane: Lane) -> None:
    key = routing_key("incident.opened", lane)
    assert reached(make_topology(), "incident.events", key) == {queue_name("sla", "incident", lane)}
    assert reached(make_topology(), "itsm.intake", routing_key("alert.firing", lane)) == {
        queue_name("incident", "intake", lane)
    }


def test_what_comes_in_without_a_lane_is_normal() -> None:
    assert reached(make_topology(), "itsm.intake", "alert.firing") == {"incident.intake.normal.v1"}
    assert reached(make_topology(), "itsm.intake", "change.deployed") == {"change.intake.normal.v1"}


@pytest.mark.parametrize("key", ["nonsense", "alert.firing.express", "", "alert"])
def test_what_nobody_binds_is_not_dropped_but_reaches_the_first_consumer_of_the_intake(key: str) -> None:
    assert reached(make_topology(), "itsm.intake", key) == {"incident.intake.normal.v1"}


def test_the_relay_can_tell_what_has_a_queue() -> None:
    topology = make_topology()
    assert topology.has_binding("incident.events", "incident.opened.urgent")
    assert topology.has_binding("change.events", "change.closed.bulk")
    assert not topology.has_binding("change.events", "change.opened.bulk")
    assert not topology.has_binding("sla.events", "sla.warned.urgent")


def test_every_producer_has_its_exchange_even_when_it_is_only_listened_to() -> None:
    alone = build([make_catalogue("sla", consumes={"incident": ("incident.#",)})])
    assert events_exchange("incident") in {exchange.name for exchange in alone.exchanges}


def test_every_queue_of_the_house_is_bound_to_an_exchange_of_the_house() -> None:
    exchanges = {exchange.name for exchange in house().exchanges}
    assert all(source in exchanges for queue in house().queues for source, _ in queue.bindings)
    assert all(queue.bindings for queue in house().queues)
    assert len({queue.name for queue in house().queues}) == len(house().queues)


def test_every_event_that_a_service_listens_to_is_published_by_its_producer() -> None:
    services = {one.service: one for one in catalogue()}
    for one in services.values():
        for producer, patterns in one.consumes.items():
            if producer != "intake":
                published = services[producer].publishes
                assert all(any(matches(p, event) for event in published) for p in patterns), (one.service, producer)


def test_the_default_ladder_has_a_queue_for_each_step() -> None:
    names = {queue.name for queue in house(LADDER).queues}
    assert {"retry.1000", "retry.10000", "retry.60000", "retry.600000"} <= names


words = st.lists(st.sampled_from(["a", "b", "cc", "", "*x"]), max_size=5).map(".".join)
patterns = st.lists(st.sampled_from(["a", "b", "cc", "", "*", "#"]), min_size=1, max_size=5).map(".".join)


def expansions(pattern: list[str], longest: int) -> Iterator[list[str]]:
    """The slow model: a pattern stands for every pattern in which each `#` is so many `*`."""
    if "#" not in pattern:
        yield pattern
        return
    at = pattern.index("#")
    for count in range(longest + 1):
        yield from expansions([*pattern[:at], *["*"] * count, *pattern[at + 1 :]], longest)


@given(patterns, words)
def test_matching_is_that_of_amqp_topics(pattern: str, key: str) -> None:
    given_words = key.split(".")
    model = any(
        len(one) == len(given_words) and all(p in ("*", w) for p, w in zip(one, given_words, strict=True))
        for one in expansions(pattern.split("."), len(given_words))
    )
    assert matches(pattern, key) == model


def test_no_queue_is_named_after_a_method_or_lacks_a_version() -> None:
    shape = re.compile(r"[a-z]+\.[a-z]+\.(urgent|normal|bulk)\.v\d+|[a-z]+\.dead|rpc-[a-z]+|retry\.\d+")
    assert [queue.name for queue in house().queues if not shape.fullmatch(queue.name)] == []
