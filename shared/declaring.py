"""Makes a broker what the topology says: declares what is missing, and takes old bindings off our queues.

Declaring takes nothing away: a consumer that takes less than before would go on getting the rest, which it can only
refuse. AMQP removes a binding but lists none, so old ones are found where the management API is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from shared.errors import Unavailable
from shared.management import Binding, Management
from shared.topology import Topology, house

ONLY_AMQP = "old bindings are not looked for: only AMQP is at hand, not the management API (DESKWIRE_MANAGEMENT)"
_WORK = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+\.(urgent|normal|bulk)\.v[0-9]+")


def declare(topology: Topology, channel: Any) -> None:
    """Declare everything on a py-amqp channel; declaring again what is there already changes nothing.

    Raises amqp.exceptions.PreconditionFailed when something of that name has other arguments.
    """
    for exchange in topology.exchanges:
        channel.exchange_declare(
            exchange.name, exchange.kind, durable=True, auto_delete=False, arguments=dict(exchange.arguments)
        )
    for queue in topology.queues:
        channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=dict(queue.arguments))
        for source, key in queue.bindings:
            channel.queue_bind(queue.name, source, key)


def old_bindings(topology: Topology, found: Iterable[Binding]) -> tuple[Binding, ...]:
    """The bindings between exchanges and queues of ours that the topology does not have.

    Whatever has an end that is not in the topology is somebody else's, also a queue that is called like one of ours.
    """
    exchanges = {one.name for one in topology.exchanges}
    queues = {one.name: set(one.bindings) for one in topology.queues}
    ours = (one for one in found if one.exchange in exchanges and one.queue in queues)
    return tuple(one for one in ours if one.arguments or (one.exchange, one.key) not in queues[one.queue])


def queues_left(topology: Topology, found: Iterable[Binding]) -> tuple[str, ...]:
    """Queues of our consumers, by their names, that still get events and that the topology does not have.

    Nobody empties them, and a full one holds up everything that is published to it.
    """
    exchanges = {one.name for one in topology.exchanges}
    names = {one.name for one in topology.queues}
    consumers = {name.partition(".")[0] for name in names}
    bound = {one.queue for one in found if one.exchange in exchanges}
    return tuple(sorted(one for one in bound - names if _WORK.fullmatch(one) and one.partition(".")[0] in consumers))


def unbind(bindings: Sequence[Binding], channel: Any) -> None:
    """Take them away; what lies in the queues stays. Doing it again changes nothing."""
    for one in bindings:
        channel.queue_unbind(one.queue, one.exchange, one.key, arguments=dict(one.arguments))


def main() -> None:
    """Declare the house's topology on the broker at `AMQP_URI`, and take old bindings away."""
    from kombu import Connection

    from shared.config import Settings

    settings = Settings.load()
    topology = house(settings.retry_ladder)
    with Connection(settings.amqp_uri, connect_timeout=5) as connection:
        channel = connection.default_channel
        declare(topology, channel)
        print(f"declared {len(topology.exchanges)} exchanges and {len(topology.queues)} queues")
        if not settings.management:
            print(ONLY_AMQP)
            return
        try:
            old = old_bindings(topology, Management(settings.management).bindings(connection.virtual_host))
        except Unavailable as error:
            # A start needs the queues; an old binding has been there for a while.
            print(error.message)
            return
        unbind(old, channel)
        print(f"removed {len(old)} old bindings", *old, sep="\n  ")


if __name__ == "__main__":
    main()
