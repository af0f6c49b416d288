"""The raw ceiling: what broker and database do with bare py-amqp and pymongo, without a rule, an inbox or a journal.

Stage one consumes a batch, inserts it with `insert_many`, publishes each with pipelined confirms, and acks. Stage two
consumes a batch, inserts it, and acks. Each is a process of its own (`python -m bench.ceiling one ...`), as ours are.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from amqp import Message
from kombu import Connection
from pymongo import MongoClient, WriteConcern

BATCH = 200
QUORUM = {"x-queue-type": "quorum"}


def declare(uri: str, *queues: str) -> None:
    """Fresh quorum queues with nothing but their type."""
    with Connection(uri) as connection:
        for queue in queues:
            connection.default_channel.queue_delete(queue)
            connection.default_channel.queue_declare(queue, durable=True, auto_delete=False, arguments=QUORUM)


def remove(uri: str, *queues: str) -> None:
    """Delete queues."""
    with Connection(uri) as connection:
        for queue in queues:
            connection.default_channel.queue_delete(queue)


def fill(uri: str, queue: str, bodies: Sequence[bytes]) -> None:
    """Put bodies into a queue, all confirmed."""
    with Connection(uri) as connection:
        publish = _publisher(connection, queue)
        for start in range(0, len(bodies), 500):
            publish(bodies[start : start + 500])


def _publisher(connection: Any, queue: str) -> Callable[[Sequence[bytes]], None]:
    channel = connection.channel()
    channel.confirm_select()
    last = [0]
    sent = [0]
    channel.events["basic_ack"].add(lambda tag, _multiple: last.__setitem__(0, max(last[0], tag)))

    def publish(bodies: Sequence[bytes]) -> None:
        for body in bodies:
            sent[0] += 1
            channel.basic_publish(Message(body, delivery_mode=2), "", queue)
        # A quorum queue confirms in order, so the highest tag stands for all before it.
        while last[0] < sent[0]:
            connection.connection.drain_events(timeout=30)

    return publish


def stage(uri: str, mongodb: str, source: str, target: str | None, count: int) -> tuple[float, float]:
    """Run one stage over `count` messages; returns when it began and ended, in seconds since the epoch."""
    with Connection(uri) as connection, MongoClient[dict[str, Any]](mongodb) as client:
        concern = WriteConcern("majority", j=True)
        collection = client["ceiling"].get_collection(source, write_concern=concern)
        channel = connection.channel()
        channel.basic_qos(0, 2 * BATCH, False)
        waiting: list[Any] = []
        publish = _publisher(connection, target) if target is not None else None
        began = time.time()
        channel.basic_consume(source, callback=waiting.append)
        done = 0
        while done < count:
            while not waiting or (len(waiting) < BATCH and done + len(waiting) < count and _more(connection)):
                if not waiting:
                    connection.connection.drain_events(timeout=60)
            batch, waiting[:] = waiting[:BATCH], waiting[BATCH:]
            bodies = [message.body if isinstance(message.body, bytes) else message.body.encode() for message in batch]
            collection.insert_many([json.loads(body) for body in bodies])
            if publish is not None:
                publish(bodies)
            channel.basic_ack(batch[-1].delivery_tag, multiple=True)
            done += len(batch)
        return began, time.time()


def _more(connection: Any) -> bool:
    try:
        connection.connection.drain_events(timeout=0.002)
    except TimeoutError:
        return False
    return True


def main(arguments: Sequence[str]) -> None:
    """`SOURCE TARGET|- COUNT` with `AMQP_URI` and `MONGODB_URI` in the environment; prints when it began and ended."""
    source, target, count = arguments
    following = None if target == "-" else target
    print(*stage(os.environ["AMQP_URI"], os.environ["MONGODB_URI"], source, following, int(count)))


if __name__ == "__main__":
    main(sys.argv[1:])
