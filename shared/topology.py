"""Every exchange and queue of the house: their names, arguments and bindings.

Pure. Names never come from methods; a change of a queue's arguments needs a new version in its name, because a broker
refuses to redeclare (ADR 7). Only what both RabbitMQ 3.10 and 4.x have is used.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from shared.envelope import Lane
from shared.retry import LADDER

INTAKE = "itsm.intake"
UNROUTED = "itsm.unrouted"
DEAD = "itsm.dead"
RPC = "nameko-rpc"

DELIVERY_LIMIT = 20
"""Deliveries after which the broker itself moves a message to the dead letters: it kills the process each time."""
MAX_LENGTH = 200_000
"""Messages in a queue after which publishes are refused, so that the backlog stays in the journal, where it shows."""
DEAD_MAX_LENGTH = 1_000_000
DEAD_DELIVERY_LIMIT = 1_000_000_000
"""Reading a dead letter and putting it back is a delivery; RabbitMQ 4 drops a message after 20 where none is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str = "topic"
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A durable queue with its bindings: pairs of exchange and routing key."""

    name: str
    arguments: Mapping[str, Any]
    bindings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Topology:
    """All of it."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]

    def has_binding(self, exchange: str, routing_key: str) -> bool:
        """Whether a message with this key has a queue: the relay publishes mandatory where it has one."""
        return _bound(self, exchange, routing_key)


@cache
def _bound(topology: Topology, exchange: str, routing_key: str) -> bool:
    keys = (key for queue in topology.queues for name, key in queue.bindings if name == exchange)
    return any(matches(key, routing_key) for key in keys)


def matches(pattern: str, routing_key: str) -> bool:
    """AMQP 0-9-1 topic matching: `*` is exactly one word, `#` is any number of words, none included."""
    return _match(pattern.split("."), routing_key.split("."))


def _match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return _match(pattern[1:], words) or (bool(words) and _match(pattern, words[1:]))
    return bool(words) and pattern[0] in ("*", words[0]) and _match(pattern[1:], words[1:])


def events_exchange(service: str) -> str:
    """The exchange to which a service's relay publishes."""
    return f"{service}.events"


def queue_name(consumer: str, producer: str, lane: Lane) -> str:
    """The queue of one consumer for one producer and lane. `intake` is the producer of what comes from outside."""
    return f"{consumer}.{producer}.{lane.label}.v1"


def dead_queue(consumer: str) -> str:
    """Where a consumer's messages end that cannot be handled."""
    return f"{consumer}.dead"


def routing_key(event_type: str, lane: Lane) -> str:
    """`<type>.<lane>`."""
    return f"{event_type}.{lane.label}"


def retry_exchange(delay: timedelta) -> str:
    """Publish here with the target queue's name as routing key: the message is there again after `delay`."""
    return f"itsm.retry.{milliseconds(delay)}"


def milliseconds(delay: timedelta) -> int:
    """A step of the ladder in milliseconds, as its exchange and queue are named."""
    return int(delay.total_seconds() * 1000)


def work_queue(consumer: str, producer: str, lane: Lane, patterns: Iterable[str]) -> Queue:
    """A queue that carries events to a consumer. See DESIGN section 3 for its arguments."""
    source = INTAKE if producer == "intake" else events_exchange(producer)
    keys = [f"{pattern}.{lane.label}" for pattern in patterns]
    if producer == "intake" and lane is Lane.NORMAL:
        # Intake without a lane is normal (DESIGN section 3).
        keys += list(patterns)
    return Queue(
        name=queue_name(consumer, producer, lane),
        arguments={
            **_quorum(MAX_LENGTH),
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-routing-key": dead_queue(consumer),
            "x-dead-letter-strategy": "at-least-once",
        },
        bindings=tuple((source, key) for key in keys),
    )


def _quorum(max_length: int) -> dict[str, Any]:
    return {"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-max-length": max_length}


def _retry_queue(delay: timedelta) -> Queue:
    name = retry_exchange(delay)
    return Queue(
        name=name.removeprefix("itsm."),
        arguments={
            **_quorum(MAX_LENGTH),
            "x-message-ttl": milliseconds(delay),
            # The default exchange and no routing key of its own: the message returns to the queue it is named for.
            "x-dead-letter-exchange": "",
            "x-dead-letter-strategy": "at-least-once",
        },
        bindings=((name, ""),),
    )


def rpc_queue(service: str) -> Queue:
    """Where a service's commands and questions arrive; nameko's own name and key, so that its clients reach it.

    Classic: a call is worth nothing once its caller has stopped waiting, and each carries an expiry.
    """
    return Queue(
        name=f"rpc-{service}",
        arguments={"x-queue-type": "classic", "x-overflow": "reject-publish", "x-max-length": 10_000},
        bindings=((RPC, f"{service}.*"),),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What a service publishes and consumes, as its `events.py` says."""

    service: str
    publishes: Mapping[str, str]
    consumes: Mapping[str, tuple[str, ...]]


def catalogue() -> tuple[Catalogue, ...]:
    """The events of every service under `services/`; adding a folder there is all that a new service needs."""
    import services

    names = sorted(module.name for module in pkgutil.iter_modules(services.__path__) if module.ispkg)
    return tuple(_read(name) for name in names)


def _read(service: str) -> Catalogue:
    module = importlib.import_module(f"services.{service}.events")
    return Catalogue(service=service, publishes=dict(module.PUBLISHES), consumes=dict(module.CONSUMES))


def build(services: Sequence[Catalogue], ladder: Sequence[timedelta] = LADDER) -> Topology:
    """The topology of these services."""
    exchanges = [
        Exchange(name=UNROUTED, kind="fanout"),
        # What nobody binds is not dropped: it reaches the first consumer of the intake, which says why it cannot be.
        Exchange(name=INTAKE, arguments={"alternate-exchange": UNROUTED}),
        Exchange(name=DEAD, kind="direct"),
        Exchange(name=RPC),
        *(Exchange(name=retry_exchange(delay), kind="fanout") for delay in ladder),
        *(Exchange(name=events_exchange(name)) for name in _producers(services)),
    ]
    queues = [
        *(_retry_queue(delay) for delay in ladder),
        *_work_queues(services),
        *_dead_queues(services),
        *(rpc_queue(service.service) for service in services),
    ]
    return Topology(exchanges=tuple(exchanges), queues=tuple(queues))


def _producers(services: Sequence[Catalogue]) -> list[str]:
    named = {service.service for service in services} | {name for one in services for name in one.consumes}
    return sorted(named - {"intake"})


def _work_queues(services: Sequence[Catalogue]) -> Iterator[Queue]:
    unrouted_taken = False
    for service in services:
        for producer, patterns in service.consumes.items():
            for lane in Lane:
                queue = work_queue(service.service, producer, lane, patterns)
                takes_unrouted = service.service == "incident" and producer == "intake" and lane is Lane.NORMAL
                if takes_unrouted and not unrouted_taken:
                    unrouted_taken = True
                    bindings = (*queue.bindings, (UNROUTED, ""))
                    queue = Queue(name=queue.name, arguments=queue.arguments, bindings=bindings)
                yield queue


def _dead_queues(services: Sequence[Catalogue]) -> Iterator[Queue]:
    for service in services:
        name = dead_queue(service.service)
        arguments = {**_quorum(DEAD_MAX_LENGTH), "x-delivery-limit": DEAD_DELIVERY_LIMIT}
        yield Queue(name=name, arguments=arguments, bindings=((DEAD, name),))


@cache
def house(ladder: tuple[timedelta, ...] = LADDER) -> Topology:
    """The topology of the house as it stands."""
    return build(catalogue(), ladder)
