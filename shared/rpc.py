"""Calls to a service, in nameko's RPC protocol, with a timeout and an expiry.

A call that was given up expires in the queue, so that it does not run later behind its caller's back. It may still
have run: a caller that repeats a command sends the same idempotency key.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from amqp import Message as AmqpMessage
from amqp.exceptions import AMQPError
from kombu import Connection

from shared.errors import DeskwireError, Unavailable
from shared.topology import RPC

CONNECT_SECONDS = 5.0


class RpcClient:
    """Calls services from a process without eventlet. Safe for threads; calls wait for each other."""

    def __init__(self, uri: str, *, timeout: float = 5.0) -> None:
        self._uri = uri
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._replies: dict[str, bytes] = {}
        self._returned: set[str] = set()

    def call(self, service: str, method: str, request: Mapping[str, Any], *, timeout: float | None = None) -> Any:
        """The record that the service answers with.

        Raises DeskwireError with the service's own slug when it refuses, and Unavailable when it does not answer in
        `timeout` seconds, is not there, or the broker is not.
        """
        seconds = timeout or self._timeout
        with self._lock:
            try:
                reply = self._call(f"{service}.{method}", request, seconds)
            except (AMQPError, OSError) as error:
                self._drop()
                if isinstance(error, TimeoutError):
                    raise Unavailable(f"{service} did not answer within {seconds:g} s") from None
                raise Unavailable(f"the broker does not answer: {type(error).__name__}") from error
        return read_reply(reply)

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self._lock:
            self._drop()

    def _call(self, key: str, request: Mapping[str, Any], seconds: float) -> bytes:
        connection = self._open()
        correlation = uuid.uuid4().hex
        self._channel.basic_publish(
            AmqpMessage(
                orjson.dumps({"args": [request], "kwargs": {}}),
                content_type="application/json",
                content_encoding="utf-8",
                reply_to=self._queue,
                correlation_id=correlation,
                message_id=correlation,
                expiration=str(int(seconds * 1000)),
            ),
            exchange=RPC,
            routing_key=key,
            mandatory=True,
        )
        deadline = time.monotonic() + seconds
        while correlation not in self._replies:
            if correlation in self._returned:
                raise Unavailable(f"there is no service {key.split('.')[0]}")
            connection.drain_events(timeout=max(0.001, deadline - time.monotonic()))
        return self._replies.pop(correlation)

    def _open(self) -> Any:
        if self._connection is not None:
            return self._connection.connection
        # Without a read timeout, opening a channel on a broker that has fallen silent would wait for ever.
        options = {"read_timeout": CONNECT_SECONDS, "write_timeout": CONNECT_SECONDS}
        connection = Connection(self._uri, connect_timeout=CONNECT_SECONDS, transport_options=options)
        self._channel = connection.channel()
        self._queue = f"rpc.reply-{uuid.uuid4()}"
        self._channel.queue_declare(self._queue, exclusive=True, auto_delete=True, durable=False)
        self._channel.queue_bind(self._queue, RPC, self._queue)
        self._channel.basic_consume(self._queue, no_ack=True, callback=self._on_reply)
        self._channel.events["basic_return"].add(self._on_return)
        self._connection = connection
        return connection.connection

    def _on_reply(self, message: Any) -> None:
        body = message.body
        self._replies[message.properties["correlation_id"]] = body.encode() if isinstance(body, str) else bytes(body)

    def _on_return(self, *arguments: Any) -> None:
        self._returned.add(arguments[-1].properties["correlation_id"])

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._replies.clear()
        self._returned.clear()
        if connection is not None:
            connection.collect(socket_timeout=0.1)


def read_reply(body: bytes) -> Any:
    """The record in a reply. Raises DeskwireError with the slug in it, or `bad-reply` when it is no reply at all."""
    try:
        document = orjson.loads(body)
        result, failure = document["result"], document.get("error")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise DeskwireError("the answer cannot be read", slug="bad-reply") from None
    if failure:
        raise DeskwireError(str(failure), slug="internal-error")
    if isinstance(result, dict) and "error" in result:
        error = result["error"]
        raise DeskwireError(error["message"], slug=error["slug"], pointer=error.get("pointer"))
    return result["record"] if isinstance(result, dict) and "record" in result else result
