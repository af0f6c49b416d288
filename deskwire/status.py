"""The state of the running stack, gathered from ops ports and the broker. What does not answer is said, not raised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from amqp.exceptions import ChannelError

from deploy.local.access import RELAY
from deploy.local.probe import Sample, metrics, readiness
from deskwire.session import NoBroker, consumers, find_ops_ports, operator_channel, publishers
from shared.broken_connection import BrokenConnection, using_broker
from shared.config import Settings
from shared.topology import dead_queue, house

NO_JOURNAL = "the relay does not say what it has yet to send"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """One process: what keeps it from being ready, in words; empty when it is ready."""

    name: str
    port: int
    faults: dict[str, str]

    @property
    def ready(self) -> bool:
        """Whether it works."""
        return not self.faults


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """One queue: messages that wait, processes that consume. `None` means that the queue is missing."""

    name: str
    messages: int | None
    consumers: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All of it. `journal` is (unsent rows, age of the oldest in seconds) for each service.

    A fault says why queues or journals are not known; they are empty then, which does not mean that nothing is there.
    """

    services: tuple[ServiceState, ...]
    queues: tuple[QueueState, ...] = ()
    journal: dict[str, tuple[int, float]] = field(default_factory=dict)
    broker_fault: str | None = None
    journal_fault: str | None = None

    @property
    def dead_letters(self) -> dict[str, int]:
        """Dead letters by consumer, where there are some."""
        dead = {dead_queue(name): name for name in consumers()}
        return {dead[queue.name]: queue.messages for queue in self.queues if queue.name in dead and queue.messages}

    @property
    def well(self) -> bool:
        """Whether nobody needs to look: all ready, no queue missing or unheard, no dead letter."""
        return (
            self.broker_fault is None
            and self.journal_fault is None
            and all(service.ready for service in self.services)
            and not self.dead_letters
            and not any(queue.messages is None for queue in self.queues)
        )


def gather() -> Status:
    """Ask everything once."""
    ports = find_ops_ports()
    services = tuple(_service(name, port) for name, port in ports.items())
    journal = journal_of(metrics(ports[RELAY]) or ()) if RELAY in ports else {}
    seen = Status(services=services, journal=journal, journal_fault=journal_fault(services, journal, publishers()))
    try:
        return replace(seen, queues=_queues())
    except NoBroker as error:
        return replace(seen, broker_fault=error.message)


def journal_fault(
    services: Iterable[ServiceState], journal: Mapping[str, tuple[int, float]], wanted: Iterable[str]
) -> str | None:
    """Why the journals of `wanted` are not known; None when they are.

    A relay that does not work shows old numbers or none, and one that has just started has not counted yet: none of
    that may be taken for an empty journal.
    """
    if not any(service.name == RELAY and service.ready for service in services):
        return NO_JOURNAL
    silent = [name for name in wanted if name not in journal]
    return f"{NO_JOURNAL} for {', '.join(silent)}" if silent else None


def journal_of(samples: Sequence[Sample]) -> dict[str, tuple[int, float]]:
    """Unsent rows and the age of the oldest, by service, from the relay's metrics."""
    unsent = _by_service(samples, "itsm_journal_unsent")
    oldest = _by_service(samples, "itsm_journal_oldest_unsent_seconds")
    return {service: (int(count), oldest.get(service, 0.0)) for service, count in sorted(unsent.items())}


def _by_service(samples: Sequence[Sample], name: str) -> dict[str, float]:
    return {labels["service"]: value for sample, labels, value in samples if sample == name and "service" in labels}


def _service(name: str, port: int) -> ServiceState:
    faults = readiness(port)
    return ServiceState(name=name, port=port, faults={"process": "does not answer"} if faults is None else faults)


def _queues() -> tuple[QueueState, ...]:
    with operator_channel() as channel:
        return tuple(_queue(channel.connection, queue.name) for queue in house(Settings.load().retry_ladder).queues)


def _queue(connection: Any, name: str) -> QueueState:
    """A missing queue closes the channel that asked: each question has its own."""
    with using_broker():
        channel = connection.channel()
    try:
        with using_broker():
            found = channel.queue_declare(name, passive=True)
    except BrokenConnection as error:
        if isinstance(error.__cause__, ChannelError):
            return QueueState(name=name, messages=None, consumers=None)
        raise
    finally:
        _close(channel)
    return QueueState(name=name, messages=found.message_count, consumers=found.consumer_count)


def _close(channel: Any) -> None:
    with suppress(BrokenConnection), using_broker():
        channel.close()
