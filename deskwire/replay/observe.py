"""Looks at the house from outside: queues by passive declare, journals by the relay's metrics, records by RPC."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from amqp.exceptions import AMQPError, NotFound
from kombu import Connection
from prometheus_client.parser import text_string_to_metric_families

from deskwire.replay.settle import Backlog
from shared.errors import Unavailable
from shared.topology import Topology

UNSENT = "itsm_journal_unsent"
PUBLISHED = "itsm_journal_published_total"
OPERATOR = {"kind": "person", "id": "operator", "roles": ["operator"], "organisation": None}


class Asks(Protocol):
    """What is needed of `shared.rpc.RpcClient`."""

    def call(self, service: str, method: str, request: Mapping[str, Any], *, timeout: float | None = None) -> Any:
        """The record that the service answers with."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Messages that wait in queues of work, and dead letters."""

    queued: int
    dead: int


def ask(rpc: Asks, service: str) -> Mapping[str, Any]:
    """The `report` of a service over its own records."""
    reply = rpc.call(service, "report", {"args": {}, "actor": OPERATOR}, timeout=60)
    return reply if isinstance(reply, Mapping) else {}


def count(uri: str, topology: Topology) -> Counts:
    """What the queues of the house hold. Raises Unavailable when the broker is away or a queue is not declared."""
    queued = dead = 0
    try:
        with Connection(uri, connect_timeout=5) as connection:
            for queue in topology.queues:
                ready = connection.default_channel.queue_declare(queue.name, passive=True).message_count
                if queue.name.endswith(".dead"):
                    dead += ready
                else:
                    queued += ready
    except NotFound as error:
        raise Unavailable(f"the topology is not declared: {error}") from error
    except (AMQPError, OSError) as error:
        raise Unavailable(f"the broker does not answer: {error}") from error
    return Counts(queued=queued, dead=dead)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """Journal rows that wait for the broker, and rows that it has confirmed since the relays started."""

    unsent: int
    published: int


def relayed(addresses: Sequence[str]) -> Relayed:
    """What the relays at these addresses of metrics say. Raises Unavailable without them."""
    samples = [sample for address in addresses for sample in _samples(address)]
    return Relayed(unsent=_sum(samples, UNSENT), published=_sum(samples, PUBLISHED))


def _sum(samples: Sequence[tuple[str, float]], name: str) -> int:
    return int(sum(value for sample, value in samples if sample == name))


def _samples(address: str) -> list[tuple[str, float]]:
    if not address.startswith(("http://", "https://")):
        raise Unavailable(f"{address} is not the address of a relay's metrics")
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:  # noqa: S310 - the scheme was judged above
            text = reply.read().decode()
    except OSError as error:
        raise Unavailable(f"the relay's metrics at {address} cannot be read: {error}") from error
    families = text_string_to_metric_families(text)
    return [(sample.name, sample.value) for family in families for sample in family.samples]


def backlog(counts: Counts, journals: Relayed) -> Backlog:
    """The backlog. Every effect of a replay has its event, so what the relays publish is the measure of movement."""
    return Backlog(queued=counts.queued, unsent=journals.unsent, done=(counts.dead, journals.published))
