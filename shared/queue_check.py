"""Whether a queue is there, and as the topology names it: looked at before anything is received from it."""

from __future__ import annotations

from typing import Any

from amqp.exceptions import NotFound, PreconditionFailed

from shared.broken_connection import BrokenConnection
from shared.errors import DeskwireError
from shared.topology import Queue


class QueueMismatch(DeskwireError):
    """A queue exists with other arguments than `shared.topology` gives it."""

    slug = "queue-mismatch"


class QueueMissing(BrokenConnection):
    """A queue is not there. Declaring it here would make one without bindings, into which nothing ever comes."""


def check(channel: Any, queue: Queue) -> None:
    """Look at a queue on a channel, which is gone after a fault. Raises QueueMissing and QueueMismatch."""
    try:
        channel.queue_declare(queue.name, passive=True)
        channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=dict(queue.arguments))
    except NotFound:
        raise QueueMissing(f"the queue {queue.name} is not there: declare the topology") from None
    except PreconditionFailed as error:
        raise QueueMismatch(f"the queue {queue.name} has other arguments: {error.reply_text}") from error
