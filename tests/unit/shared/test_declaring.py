"""Which bindings are old: those of ours that the topology does not have, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from shared.declaring import old_bindings, queues_left
from shared.management import Binding
from shared.topology import Catalogue, Topology, build

QUEUE = "sla.incident.normal.v1"


def make_topology(*patterns: str) -> Topology:
    return build([Catalogue(service="sla", publishes={}, consumes={"incident": patterns})], ())


def make_binding(**overrides: Any) -> Binding:
    fields = {"exchange": "incident.events", "key": "incident.opened.normal", "queue": QUEUE}
    return Binding(**{**fields, **overrides})


def declared(topology: Topology) -> list[Binding]:
    return [
        Binding(exchange=exchange, key=key, queue=queue.name)
        for queue in topology.queues
        for exchange, key in queue.bindings
    ]


def test_a_broker_that_is_as_the_topology_says_has_no_old_binding() -> None:
    topology = make_topology("incident.opened", "incident.resolved")
    assert old_bindings(topology, declared(topology)) == ()


def test_what_a_consumer_takes_no_more_is_old_in_every_lane() -> None:
    before, now = make_topology("incident.opened", "incident.resolved"), make_topology("incident.opened")
    old = old_bindings(now, declared(before))
    assert sorted(one.key for one in old) == [f"incident.resolved.{lane}" for lane in ("bulk", "normal", "urgent")]


def test_a_wider_binding_is_old_although_it_takes_what_is_still_wanted() -> None:
    wide = make_binding(key="incident.#")
    assert old_bindings(make_topology("incident.opened"), [wide]) == (wide,)


@pytest.mark.parametrize(
    "foreign",
    [
        {"queue": "warehouse.incident.normal.v1"},
        {"queue": "sla.incident.normal.v2"},
        {"exchange": "warehouse"},
        {"exchange": ""},
    ],
)
def test_a_binding_with_an_end_that_is_not_ours_is_left_alone(foreign: dict[str, str]) -> None:
    assert old_bindings(make_topology("incident.opened"), [make_binding(**{"key": "other.normal", **foreign})]) == ()


def test_a_binding_with_arguments_is_not_the_one_that_was_declared() -> None:
    odd = make_binding(arguments={"x": 1})
    assert old_bindings(make_topology("incident.opened"), [make_binding(), odd]) == (odd,)


@pytest.mark.parametrize(
    ("binding", "left"),
    [
        ({"queue": "sla.incident.normal.v0"}, ("sla.incident.normal.v0",)),
        ({"queue": "sla.problem.urgent.v1"}, ("sla.problem.urgent.v1",)),
        ({"queue": QUEUE}, ()),
        ({"queue": "warehouse.incident.normal.v1"}, ()),
        ({"queue": "sla.mine"}, ()),
        ({"queue": "sla.incident.normal.v0", "exchange": ""}, ()),
    ],
)
def test_a_queue_of_an_earlier_version_is_known_as_long_as_it_fills(
    binding: dict[str, str], left: tuple[str, ...]
) -> None:
    assert queues_left(make_topology("incident.opened"), [make_binding(**binding)]) == left
